import t from 'tap'
import { httpTransport } from '@vitalchain/device-sdk/http'
import { reachHttp } from './http-ward.ts'
import { transportContract } from './transport-contract.ts'

transportContract(
  t,
  reachHttp('http', addresses => httpTransport({ addresses }))
)
