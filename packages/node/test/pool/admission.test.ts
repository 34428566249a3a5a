import t from 'tap'
import {
  makeRotation,
  signCose,
  statementFormat,
  statementId,
  statementTransaction,
  type Signer,
  type Statement
} from '@vitalchain/core'
import { commitNext, ledgerWithDevice, testSigner } from '../ledger/fixture.ts'
import type { Unit } from '../../src/pool/unit.ts'
import { altered, createDoor, unitOf } from './door.ts'

t.test('what a block brings while it is being checked does not wait any more', async t => {
  const { network, ledger, device } = await ledgerWithDevice()
  const reading = await device.read()
  const slow = altered(ledger, {
    async putPayload(...payload) {
      await ledger.putPayload(...payload)
      await commitNext(network, ledger, [reading.candidate])
    }
  })
  const { admission, pool } = createDoor(slow)
  await t.rejects(admission.submit(unitOf(reading)), { code: 'ERR_ALREADY_COMMITTED' })
  t.equal(pool.size, 0, 'it would wait for an hour and fill the pool')
})

t.test('what waits already is not accepted with another payload', async t => {
  const { ledger, device } = await ledgerWithDevice()
  const { admission, pool } = createDoor(ledger)
  const reading = await device.read()
  const forged = { transaction: reading.candidate.bytes, payload: new Uint8Array(32) }
  const none = { transaction: reading.candidate.bytes, payload: undefined }

  const first = admission.submit(unitOf(reading))
  const during = admission.submit(forged)
  await t.rejects(during, { code: 'ERR_PAYLOAD_DIGEST' }, 'while it is being checked')
  await first
  await t.rejects(admission.submit(forged), { code: 'ERR_PAYLOAD_DIGEST' })
  await t.rejects(admission.submit(none), { code: 'ERR_PAYLOAD_MISSING' })
  t.equal(await admission.submit(unitOf(reading)), await first, 'as it was, it is')
  t.equal(pool.size, 1)
})

t.test(
  'a payload that was lost while its statement waits comes back with the next try',
  async t => {
    const { ledger, device } = await ledgerWithDevice()
    const { admission } = createDoor(ledger)
    const reading = await device.read()
    await admission.submit(unitOf(reading))
    await ledger.deletePayload(reading.digest)
    await admission.submit(unitOf(reading))
    t.ok(ledger.hasPayload(reading.digest))
  }
)

t.test('what waits already is not accepted under a signature that is not valid', async t => {
  const { ledger, device } = await ledgerWithDevice()
  const { admission } = createDoor(ledger)
  const reading = await device.read()
  await admission.submit(unitOf(reading))
  const damaged = Uint8Array.from(reading.candidate.bytes)
  damaged[damaged.length - 1]! ^= 1
  await t.rejects(admission.submit({ transaction: damaged, payload: reading.payload }), {
    code: 'ERR_SIGNATURE'
  })
})

t.test(
  'two statements for one place, handed over at the same time, are found out, and the refused payload is let go',
  async t => {
    const { ledger, device } = await ledgerWithDevice()
    const both = Promise.withResolvers<void>()
    let stored = 0
    const together = altered(ledger, {
      async putPayload(...payload) {
        if (++stored === 2) both.resolve()
        await both.promise
        await ledger.putPayload(...payload)
      }
    })
    const { admission, pool, refused } = createDoor(together)
    const one = await device.sign({ count: 1 })
    const two = await device.sign({ count: 2 })
    const results = await Promise.allSettled([
      admission.submit(unitOf(one)),
      admission.submit(unitOf(two))
    ])
    // Whose signature is checked first is up to the threads that check them.
    const loser = results[0].status === 'rejected' ? 0 : 1
    t.match(results[loser], { status: 'rejected', reason: { code: 'ERR_STATEMENT_CONFLICT' } })
    t.match(results[1 - loser], { status: 'fulfilled' })
    t.same(
      [...pool.candidates()].map(({ transaction }) => transaction.type),
      ['conflict', 'statement']
    )
    t.same(
      refused.map(({ transaction }) => transaction.id),
      [[one, two][loser]?.candidate.transaction.id]
    )
  }
)

t.test('a pool knows which payloads are still needed', async t => {
  const { ledger, device } = await ledgerWithDevice()
  const { admission, pool } = createDoor(ledger)
  const one = await device.read()
  const { digest } = one
  const two = await device.read({ payloadDigest: digest })
  await admission.submit(unitOf(one))
  await admission.submit({ transaction: two.candidate.bytes, payload: one.payload })
  pool.drop(two.candidate.hash)
  t.ok(pool.names(digest), 'another one waits that names it')
  pool.drop(one.candidate.hash)
  t.notOk(pool.names(digest))
})

async function signedUnit(
  statement: Statement,
  by: Signer | undefined,
  payload?: Uint8Array
): Promise<Unit> {
  const cose = await signCose(by!, statementFormat.encode(statement))
  return { transaction: statementTransaction(cose), payload }
}

t.test(
  'a statement that is ahead waits if its lane signed it, or a key that a waiting rotation brings',
  async t => {
    const { network, ledger, device } = await ledgerWithDevice()
    const { admission, pool } = createDoor(ledger)
    const [own, next, stranger] = ['device', 'next', 'stranger'].map(name => testSigner(name))
    const first = await device.sign()
    const id = statementId(statementFormat.encode(first.statement))
    const place = {
      network: network.id,
      device: device.id,
      lane: 0,
      boot: 0,
      seq: 1,
      previous: id
    } as const
    const rotation = await makeRotation(place, 0, own!.publicKey, next!)
    const rotationId = statementId(statementFormat.encode(rotation))
    const behind = await device.sign({ seq: 2, previous: rotationId })
    const bySigner = (by: Signer | undefined) => signedUnit(behind.statement, by, behind.payload)

    for (const by of [next, stranger])
      await t.rejects(admission.submit(await bySigner(by)), {
        code: 'ERR_CHAIN_AHEAD',
        retryable: true
      })
    await admission.submit(await signedUnit(rotation, own))
    await t.rejects(admission.submit(await bySigner(stranger)), { code: 'ERR_CHAIN_AHEAD' })
    await admission.submit(await bySigner(next))
    await admission.submit(unitOf(first))
    t.equal(pool.size, 3)
    await commitNext(network, ledger, [...pool.candidates()])
    t.strictSame(ledger.head.history.size, 4, 'all of them, in their order')
  }
)
