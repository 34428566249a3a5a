import t from 'tap'
import { webSocketTransport } from '@vitalchain/device-sdk/websocket'
import { reachHttp } from './http-ward.ts'
import { transportContract } from './transport-contract.ts'

transportContract(
  t,
  reachHttp('ws', addresses => webSocketTransport({ addresses }))
)
