import t from 'tap'
import { reachLibp2p } from './libp2p-ward.ts'
import { transportContract } from './transport-contract.ts'

transportContract(t, reachLibp2p(''))
