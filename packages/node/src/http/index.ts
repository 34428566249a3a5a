export { createAdminApi, type AdminApiOptions } from './admin-api.ts'
export { createHttpApi, type HttpApi, type HttpApiOptions } from './http-api.ts'
export { isLoopback } from './loopback.ts'
export type { Rate } from './rate-limit.ts'
export {
  createRoleTokens,
  type FoundToken,
  type RoleToken,
  type RoleTokens,
  type TokenFile
} from './role-tokens.ts'
export type { Role } from './roles.ts'
export type { HttpListenOptions } from './server.ts'
export { openTls, type TlsFiles, type TlsServer } from './tls.ts'
export { openTokenFile } from './token-file.ts'
