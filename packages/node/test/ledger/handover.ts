import { encodeArgs, method, table, type Contract, type Table } from '@vitalchain/contracts'
import {
  genesisValidators,
  list,
  tuple,
  uint,
  validatorSetCodec,
  type Codec,
  type ValidatorSet
} from '@vitalchain/core'

const sets: Table<ValidatorSet> = table('rota', 'set', validatorSetCodec)
const ONLY = new Uint8Array(0)
const order: Codec<{ readonly members: readonly number[] }> = tuple({
  members: list(uint(50), 50, 1)
})

/** A contract for tests: `rota.set` makes the founders with these numbers, in this order, the next validators. */
export const rota: Contract = {
  name: 'rota',
  version: 1,
  genesis: (state, genesis) => sets.put(state, ONLY, genesisValidators(genesis)),
  methods: {
    set: method(order, (state, { members }, _call, block) => {
      const founders = genesisValidators(block.genesis)
      sets.put(
        state,
        ONLY,
        members.flatMap(index => founders[index] ?? [])
      )
    }),
    // What a contract must not do, but might.
    crash: method(order, () => {
      throw new TypeError('a bug in a contract')
    })
  },
  validators: state => sets.get(state, ONLY) ?? []
}

/** The arguments of `rota.set`. */
export function rotaArgs(members: readonly number[]): Uint8Array {
  return encodeArgs(order, { members })
}
