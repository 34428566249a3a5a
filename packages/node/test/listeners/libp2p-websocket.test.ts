import t from 'tap'
import { reachLibp2p } from './libp2p-ward.ts'
import { transportContract } from './transport-contract.ts'

transportContract(t, reachLibp2p('/ws'), ['/ip4/127.0.0.1/tcp/0', '/ip4/127.0.0.1/tcp/0/ws'])
