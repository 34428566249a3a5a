import * as fc from 'fast-check'
import t from 'tap'
import { decodeCbor, encodeCbor, type CborValue } from '../../src/encoding/cbor.ts'
import {
  completenessFormat,
  rangesJoin,
  verifyCompleteness,
  type Completeness,
  type ProvenCompleteness
} from '../../src/ledger/completeness.ts'
import { decodeLaneRecord, laneRecordCodec } from '../../src/ledger/lane-record.ts'
import { RECEIPT_BYTES_MAX } from '../../src/ledger/limits.ts'
import type { Signer } from '../../src/crypto/keys.ts'
import {
  STATEMENT_FLAG,
  statementFormat,
  statementId,
  type Statement
} from '../../src/ledger/statement.ts'
import { decodeTransaction, statementTransaction } from '../../src/ledger/transaction.ts'
import { signCose } from '../../src/ledger/cose.ts'
import { itemsOf, replaced } from './fields.ts'
import { LaneLedger, lanesLedger } from './lane-ledger.ts'
import { useNodeCrypto } from './node-crypto.ts'
import { refusalOf } from './refusal.ts'
import {
  FOUNDERS,
  movingLedger,
  seed,
  SmallLedger,
  TestDevice,
  testSigner
} from './small-ledger.ts'

useNodeCrypto()

const { ledger, sent, pumped } = await lanesLedger()
const trust = { genesis: ledger.network }

function prove(proof: Completeness, by = trust): ProvenCompleteness {
  return verifyCompleteness(completenessFormat.encode(proof), by)
}

function codeOf(proof: Completeness, by: Parameters<typeof verifyCompleteness>[1] = trust) {
  return refusalOf(() => verifyCompleteness(completenessFormat.encode(proof), by))?.code
}

t.test('everything that a device sent, from its start to its newest statement', async t => {
  const proven = prove(ledger.completeness(sent, { head: true }))
  t.match(proven, {
    lane: 0,
    from: { boot: 1, seq: 0 },
    to: { boot: 5, seq: 1 },
    fromStart: true,
    toHead: true,
    quarantinedHeight: undefined,
    historyLost: [{ boot: 5, seq: 0 }],
    trust: 'genesis-only'
  })
  t.same(
    proven.statements.map(each => each.index),
    sent
  )
  t.same(proven.device, ledger.statementAt(0).device)
  t.match(proven.gaps, [{ seq: 3, last: { boot: 1, seq: 5 }, count: 6, reason: 1 }])
  t.match(prove(ledger.completeness(pumped, { head: true })), {
    gaps: [],
    historyLost: [],
    toHead: true
  })
})

t.test(
  "every stretch of a lane is complete, and without the lane's record says nothing of what follows",
  async t => {
    for (let from = 0; from < sent.length; from++) {
      for (let to = from + 1; to <= sent.length; to++) {
        const proven = prove(ledger.completeness(sent.slice(from, to)))
        t.match(proven, { fromStart: from === 0, toHead: false })
        const toHead = refusalOf(() =>
          prove(ledger.completeness(sent.slice(from, to), { head: true }))
        )
        t.equal(toHead?.code, to === sent.length ? undefined : 'ERR_COMPLETENESS')
      }
    }
  }
)

t.test(
  'stretches join where one goes on and the other ends, over gaps and restarts too',
  async t => {
    const stretch = (from: number, to: number) => prove(ledger.completeness(sent.slice(from, to)))
    for (let cut = 1; cut < sent.length; cut++) {
      t.ok(rangesJoin(stretch(0, cut), stretch(cut, sent.length)))
      t.notOk(rangesJoin(stretch(cut, sent.length), stretch(0, cut)), 'the wrong way round')
      if (cut + 1 < sent.length) t.notOk(rangesJoin(stretch(0, cut), stretch(cut + 1, sent.length)))
      if (cut > 1)
        t.notOk(rangesJoin(stretch(0, cut), stretch(cut - 1, sent.length)), 'overlapping')
    }
    t.notOk(
      rangesJoin(stretch(0, 1), prove(ledger.completeness(pumped.slice(1)))),
      'of two devices'
    )
  }
)

t.test('a statement left out, swapped or of another lane is found', async t => {
  for (let left = 1; left < sent.length - 1; left++)
    t.equal(codeOf(ledger.completeness(sent.filter((_, at) => at !== left))), 'ERR_COMPLETENESS')
  t.equal(codeOf(ledger.completeness([0, 2, 5])), 'ERR_COMPLETENESS', 'of another device')
  t.equal(codeOf(ledger.completeness([0, 1])), 'ERR_COMPLETENESS')
  const whole = ledger.completeness(sent)
  t.equal(codeOf({ ...whole, statements: whole.statements.toReversed() }), 'ERR_INCLUSION')
  const [a, b] = [whole.statements[1]!, whole.statements[2]!]
  const swapped = whole.statements
    .with(1, { ...a, transaction: b.transaction })
    .with(2, { ...b, transaction: a.transaction })
  t.equal(codeOf({ ...whole, statements: swapped }), 'ERR_INCLUSION')
})

t.test('what the device dropped cannot be shown as if it were on the ledger', async t => {
  // The head behind a gap is the identity of what was dropped: a hash chain alone would accept it in the gap's place.
  const own = new LaneLedger()
  const device = new TestDevice(own.network, 'ed25519', 'device')
  const twin = new TestDevice(own.network, 'ed25519', 'device')
  const first = await device.nextTransaction()
  await twin.nextTransaction()
  const dropped = twin.readings().statement
  const lastDropped = statementFormat.encode(dropped)
  const gap = { ...device.gap(1), lastDropped }
  const after = twin.readings().statement
  own.addStatements([first, await device.transaction(gap), await device.transaction(after)])
  const by = { genesis: own.network }
  const whole = own.completeness([0, 1, 2], { head: true })
  t.match(prove(whole, by), { gaps: [{ count: 2 }], toHead: true })
  const hidden = await device.transaction(dropped)
  const shown = whole.statements.with(1, { ...whole.statements[1]!, transaction: hidden })
  t.equal(codeOf({ ...whole, statements: shown }, by), 'ERR_INCLUSION')
})

t.test('a device cannot lead its lane back to an earlier statement by a gap', async t => {
  const own = new LaneLedger()
  const device = new TestDevice(own.network, 'ed25519', 'device')
  const first = device.readings().statement
  const hidden = [await device.nextTransaction(), await device.nextTransaction()]
  const gap = await device.transaction({
    ...device.gap(1),
    lastDropped: statementFormat.encode(first)
  })
  t.throws(() => decodeTransaction(gap), { code: 'ERR_SCHEMA' }, 'no ledger takes such a gap')
  const back = { boot: 2, seq: 0, previous: statementId(statementFormat.encode(first)) }
  own.addStatements([
    await device.transaction(first),
    ...hidden,
    await device.transaction(device.gap(1)),
    await device.transaction(device.readings(back).statement)
  ])
  t.equal(codeOf(own.completeness([0, 1, 2, 3, 4]), { genesis: own.network }), 'ERR_COMPLETENESS')
})

t.test('only the signatures that no later hash stands for are checked, and those are', async t => {
  for (const [at, wanted] of [
    [1, undefined],
    [3, 'ERR_SIGNATURE'],
    [4, 'ERR_SIGNATURE']
  ] as const) {
    const bad = new LaneLedger()
    const device = new TestDevice(bad.network, 'ed25519', 'monitor')
    const transactions: Uint8Array[] = []
    for (let k = 0; k < 3; k++) transactions.push(await device.nextTransaction())
    transactions.push(await device.transaction(device.gap(2)), await device.nextTransaction())
    const signed = transactions[at]!
    bad.addStatements(transactions.with(at, signed.with(signed.length - 1, signed.at(-1)! ^ 1)))
    const by = { genesis: bad.network }
    t.equal(codeOf(bad.completeness([0, 1, 2, 3, 4], { head: true }), by), wanted, `of ${at}`)
  }
})

/** A lane that validators would not have taken: `next` behind an ordinary first statement. */
async function odd(
  next: Parameters<TestDevice['readings']>[0],
  skip = 0
): Promise<string | undefined> {
  const own = new LaneLedger()
  const device = new TestDevice(own.network, 'es256', 'odd')
  const first = await device.nextTransaction()
  for (let k = 0; k < skip; k++) device.readings()
  own.addStatements([first, await device.transaction(device.readings(next).statement)])
  return codeOf(own.completeness([0, 1]), { genesis: own.network })
}

t.test('each step must be one that the ledger takes', async t => {
  t.equal(await odd({}), undefined)
  t.equal(await odd({ boot: 2, seq: 0 }), undefined, 'a later boot begins with 0')
  t.equal(await odd({}, 1), 'ERR_COMPLETENESS', 'one skipped')
  t.equal(await odd({ seq: 2 }), 'ERR_COMPLETENESS', 'a number skipped')
  t.equal(await odd({ seq: 0 }), 'ERR_COMPLETENESS', 'the same number again')
  t.equal(await odd({ boot: 2, seq: 1 }), 'ERR_COMPLETENESS', 'a boot that begins with 1')
  t.equal(await odd({ boot: 0, seq: 0 }), 'ERR_COMPLETENESS', 'an earlier boot')
  t.equal(await odd({ previous: new Uint8Array(32) }), 'ERR_COMPLETENESS', 'a second start')
  t.equal(await odd({ previous: seed('x') }), 'ERR_COMPLETENESS')
  t.equal(await odd({ lane: 1 }), 'ERR_COMPLETENESS', 'the other lane')
  t.equal(await odd({ device: seed('x') }), 'ERR_COMPLETENESS')
  t.equal(await odd({ network: seed('x') }), 'ERR_OTHER_NETWORK')
})

t.test('a call or a conflict is no statement', async t => {
  const own = new LaneLedger()
  own.addBlock([
    (await movingLedger()).transactions[0]!,
    encodeCbor(['vitalchain/tx', 9, seed('x')])
  ])
  t.equal(codeOf(own.completeness([0]), { genesis: own.network }), 'ERR_OTHER_NETWORK')
  t.equal(codeOf(own.completeness([1]), { genesis: own.network }), 'ERR_SCHEMA')
})

t.test('a closed lane is shown as one', async t => {
  const own = new LaneLedger()
  const device = new TestDevice(own.network, 'ed25519', 'monitor')
  own.addStatements([await device.nextTransaction()], { quarantine: true })
  const by = { genesis: own.network }
  t.match(prove(own.completeness([0], { head: true }), by), { toHead: true, quarantinedHeight: 1 })
  t.match(prove(own.completeness([0]), by), { toHead: false, quarantinedHeight: undefined })
})

t.test(
  'the record of another lane, an older one or a forged one does not show the end',
  async t => {
    const whole = ledger.completeness(sent, { head: true })
    const head = whole.head!
    t.equal(
      codeOf({ ...whole, head: ledger.completeness(pumped, { head: true }).head }),
      'ERR_STATE_PROOF'
    )
    const record = decodeLaneRecord(head.value)
    const forged = encodeCbor(laneRecordCodec.write({ ...record, seq: record.seq + 1 }))
    t.equal(codeOf({ ...whole, head: { ...head, value: forged } }), 'ERR_STATE_PROOF')
    const cut = { ...head.proof, siblings: head.proof.siblings.slice(1) }
    t.equal(codeOf({ ...whole, head: { ...head, proof: cut } }), 'ERR_STATE_PROOF')
    const old = ledger.completeness(sent.slice(0, 4), { height: 2 })
    t.equal(codeOf({ ...old, head }), 'ERR_STATE_PROOF', 'a newer record under an older header')
  }
)

t.test(
  "a pin covers the statements before its end, and the lane's record only with its validators",
  async t => {
    const pin = ledger.pin(3)
    const by = { genesis: ledger.network, pin }
    const of = (options: Parameters<LaneLedger['completeness']>[1], count = sent.length) =>
      prove(ledger.completeness(sent.slice(0, count), { pinSize: pin.size, ...options }), by).trust
    t.equal(of({}, 6), `pinned@${pin.size}`)
    t.equal(of({}, 7), 'genesis-only')
    t.equal(of({ head: true }), 'genesis-only')
    const early = prove(ledger.completeness(sent.slice(0, 6), { pinSize: pin.size }), by)
    t.equal(early.headerTrust, 'genesis-only', 'the time of the header is not covered')
    const validators = { genesis: ledger.network, pin: ledger.pin(3, { validators: true }) }
    const proven = prove(ledger.completeness(sent, { pinSize: pin.size, head: true }), validators)
    t.equal(proven.trust, `pinned@${pin.size}`)
    t.equal(codeOf(ledger.completeness(sent), by), 'ERR_PIN_UNPROVEN')
  }
)

t.test('a proof is of one network', async t => {
  const other = new SmallLedger(FOUNDERS, 'another network')
  t.equal(codeOf(ledger.completeness(sent), { genesis: other.network }), 'ERR_OTHER_NETWORK')
})

/** All lanes that a device can have: readings, gaps, restarts with and without loss. */
const life = fc.array(fc.constantFrom('readings', 'gap', 'restart', 'lost'), {
  minLength: 1,
  maxLength: 12
})

t.test(
  '25 random lives of a device are complete whole, and nowhere without one statement',
  async t => {
    let statements = 0
    await fc.assert(
      fc.asyncProperty(life, fc.nat(), async (steps, pick) => {
        const own = new LaneLedger()
        const device = new TestDevice(own.network, 'ed25519', 'monitor')
        const pump = new TestDevice(own.network, 'ed25519', 'pump')
        let boot = 1
        const mine: number[] = []
        for (const [at, step] of steps.entries()) {
          if (step === 'restart' || step === 'lost') boot += 1
          const flags = step === 'lost' && at > 0 ? STATEMENT_FLAG.historyLost : 0
          const change =
            boot > 1 && (step === 'restart' || step === 'lost') ? { boot, seq: 0, flags } : {}
          const statement =
            step === 'gap' ? device.gap(1 + (at % 3)) : device.readings(change).statement
          mine.push(own.transactions.length)
          own.addStatements([await device.transaction(statement), await pump.nextTransaction()])
        }
        statements += mine.length
        const by = { genesis: own.network }
        const proven = prove(own.completeness(mine, { head: true }), by)
        const left = mine.filter((_, at) => at !== pick % mine.length)
        const isInside = pick % mine.length > 0 && pick % mine.length < mine.length - 1
        return (
          proven.gaps.length === steps.filter(step => step === 'gap').length &&
          proven.statements.length === steps.length &&
          (!isInside || codeOf(own.completeness(left), by) === 'ERR_COMPLETENESS') &&
          (mine.length < 2 ||
            codeOf(own.completeness(mine.slice(0, -1), { head: true }), by) !== undefined)
        )
      }),
      { numRuns: 25, seed: 9 }
    )
    t.ok(statements > 100, `${statements} statements`)
  }
)

/** Where values stand in a decoded document: the ways to all of them. */
function ways(value: CborValue, way: readonly number[] = []): (readonly number[])[] {
  return [way, ...itemsOf(value).flatMap((each, at) => ways(each, [...way, at]))]
}

t.test('every field of a proof counts', async t => {
  const encoded = completenessFormat.encode(ledger.completeness(sent.slice(2, 6), { pinSize: 5 }))
  const document = decodeCbor(encoded, RECEIPT_BYTES_MAX)
  let tried = 0
  for (const way of ways(document).slice(1)) {
    const old = way.reduce<CborValue>((each, at) => itemsOf(each)[at]!, document)
    const changes: CborValue[] = []
    if (typeof old === 'number') changes.push(old + 1)
    if (old instanceof Uint8Array && old.length > 0)
      for (const at of [0, old.length >> 1, old.length - 1])
        changes.push(old.with(at, old[at]! ^ 4))
    const items = itemsOf(old)
    if (items.length > 0) changes.push(items.slice(1), [...items, items[0]!])
    for (const change of changes) {
      const mutant = encodeCbor(replaced(document, way, change))
      tried += 1
      if (refusalOf(() => verifyCompleteness(mutant, trust)) === undefined && !isHarmless(mutant))
        t.fail(`accepted a change at ${way.join('.')}`)
    }
  }
  t.ok(tried > 100, `${tried} changed proofs`)
})

/** Fewer statements at an end are another true proof. */
function isHarmless(mutant: Uint8Array): boolean {
  return completenessFormat.decode(mutant).statements.length < 4
}

t.test('a thousand statements in one proof stay small', async t => {
  const own = new LaneLedger()
  const device = new TestDevice(own.network, 'ed25519', 'monitor')
  const other = new TestDevice(own.network, 'ed25519', 'other')
  const filler = statementTransaction(
    await signCose(testSigner('ed25519', 'filler'), statementFormat.encode(other.gap(1)))
  )
  const count = 1_000
  const mine: number[] = []
  const transactions: Uint8Array[] = []
  for (let k = 0; k < count; k++) {
    mine.push(transactions.length)
    transactions.push(await device.nextTransaction())
    for (let more = 0; more < 9; more++) transactions.push(filler)
  }
  for (let at = 0; at < transactions.length; at += 2_000)
    own.addBlock(transactions.slice(at, at + 2_000))
  const encoded = completenessFormat.encode(own.completeness(mine))
  t.ok(encoded.length < 600 * count, `${encoded.length} bytes`)
  t.equal(verifyCompleteness(encoded, { genesis: own.network }).statements.length, count)
})

async function signBy(statement: Statement, by: Signer): Promise<Uint8Array> {
  return statementTransaction(await signCose(by, statementFormat.encode(statement)))
}

t.test('a lane whose device changed its key and its stream in between is complete', async t => {
  const own = new LaneLedger()
  const trusted = { genesis: own.network }
  const device = new TestDevice(own.network, 'ed25519', 'monitor')
  const next = testSigner('es256', 'next key')
  own.addStatements([
    await signBy(device.binding(seed('stream').subarray(0, 16), 1), device.signer),
    await signBy(device.readings().statement, device.signer),
    await signBy(await device.rotation(next), device.signer),
    await signBy(device.readings().statement, next),
    await signBy(device.binding(undefined, 0), next)
  ])
  const all = [0, 1, 2, 3, 4]
  const proven = prove(own.completeness(all, { head: true }), trusted)
  t.same(
    proven.statements.map(({ statement }) => statement.type),
    ['stream', 'readings', 'rotation', 'readings', 'stream']
  )
  t.ok(proven.fromStart && proven.toHead)
  for (const missing of all) {
    const rest = all.filter(index => index !== missing)
    const code = codeOf(own.completeness(rest, { head: true }), trusted)
    // Without the first it is still a stretch, which says that it does not begin at the start.
    t.equal(code, missing === 0 ? undefined : 'ERR_COMPLETENESS', `without ${missing}`)
  }
  t.notOk(prove(own.completeness([1, 2, 3, 4], { head: true }), trusted).fromStart)
})
