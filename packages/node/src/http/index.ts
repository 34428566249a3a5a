export {
  createHttpApi,
  type HttpApi,
  type HttpApiOptions,
  type HttpListenOptions
} from './http-api.ts'
