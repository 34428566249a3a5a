import {
  contradiction,
  evidenceTransaction,
  voteSignBytes,
  type Evidence,
  type SignedVote
} from '@vitalchain/core'
import t from 'tap'
import { ledgerWithDevice, memberOf, type TestNetwork } from '../ledger/fixture.ts'
import { createDoor } from './door.ts'

const TRAITOR = 2

/** Proof that the traitor prepared two blocks in one view of height 1. */
async function doublePrepare(
  network: TestNetwork,
  view: number,
  bytes: readonly [number, number]
): Promise<Evidence> {
  const place = { network: network.id, recoveryEpoch: 0, height: 1 }
  const vote = async (byte: number): Promise<SignedVote> => {
    const content = { type: 'prepare', blockHash: new Uint8Array(32).fill(byte) } as const
    const signer = memberOf(network, TRAITOR).consensus
    return {
      view,
      content,
      signature: await signer.sign(voteSignBytes({ ...place, view }, content))
    }
  }
  const [a, b] = await Promise.all(bytes.map(vote))
  const evidence =
    a === undefined || b === undefined
      ? undefined
      : contradiction({ ...place, validator: TRAITOR }, a, b)
  if (evidence === undefined) throw new Error('the two do not contradict each other')
  return evidence
}

t.test('of the proofs that a faulty validator makes against itself one waits', async t => {
  const { network, ledger } = await ledgerWithDevice()
  const { admission, pool } = createDoor(ledger)
  const submit = async (view: number, bytes: readonly [number, number]): Promise<unknown> =>
    admission.submit({
      transaction: evidenceTransaction(await doublePrepare(network, view, bytes)),
      payload: undefined
    })
  await submit(0, [1, 2])
  await submit(0, [1, 2])
  t.equal(pool.size, 1, 'the same proof again is the one that waits')
  await t.rejects(submit(0, [1, 3]), { code: 'ERR_EVIDENCE_KNOWN' })
  await t.rejects(submit(1, [4, 5]), { code: 'ERR_EVIDENCE_KNOWN' })
  t.equal(pool.size, 1)
  const together = await Promise.allSettled([submit(2, [6, 7]), submit(2, [8, 9])])
  t.strictSame(
    together.map(each => each.status),
    ['rejected', 'rejected']
  )

  const [waiting] = pool.candidates()
  t.ok(waiting)
  pool.remove(waiting === undefined ? [] : [waiting])
  t.equal(pool.size, 0)
  await submit(3, [1, 2])
  t.equal(pool.size, 1, 'once it is out, the rules of the ledger decide about the next')
})
