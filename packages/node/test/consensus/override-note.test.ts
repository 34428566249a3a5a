import { VitalchainError } from '@vitalchain/core'
import t from 'tap'
import { createOverrideNote } from '../../src/consensus/override-note.ts'
import { openVoteStore } from '../../src/consensus/vote-store.ts'
import type { Pending } from '../../src/pool/pool.ts'
import { createCandidate } from '../../src/ledger/execute.ts'
import { ledgerWithDevice, memberOf } from '../ledger/fixture.ts'

t.test('an override that the pool has no place for now is owed, and goes there later', async t => {
  const { network, ledger } = await ledgerWithDevice()
  const votes = await openVoteStore('memory')
  const { operator, consensus } = memberOf(network, 0)
  const key = consensus.publicKey.bytes
  const logged: string[] = []
  let hasRoom = false
  const submitted: Pending[] = []
  const note = createOverrideNote({
    ledger,
    votes,
    operator,
    key: () => key,
    admission: {
      async submit({ transaction }) {
        if (!hasRoom)
          throw new VitalchainError(
            'ERR_PLACE_TAKEN',
            'another transaction waits that follows the same one'
          )
        const waiting: Pending = {
          ...createCandidate(transaction, true),
          signaturesChecked: true,
          since: 0
        }
        submitted.push(waiting)
        return waiting
      }
    },
    log: event => void logged.push(event)
  })
  await note.record()
  t.ok(await votes.of(key).owesOverride(), 'it is owed, durably, before the first vote')
  t.same(logged, ['override not handed over'])
  hasRoom = true
  const told = Promise.withResolvers<void>()
  logged.push = (...events) => {
    if (events.includes('the override waits for a block')) told.resolve()
    return 0
  }
  note.remind()
  await told.promise
  t.equal(submitted.length, 1)
})
