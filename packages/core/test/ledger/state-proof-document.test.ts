import t from 'tap'
import { utf8 } from '../../src/bytes.ts'
import { laneStateKey } from '../../src/ledger/lane-record.ts'
import {
  stateProofFormat,
  verifyStateProofDocument,
  type StateProofDocument
} from '../../src/ledger/state-proof-document.ts'
import { lanesLedger } from './lane-ledger.ts'
import { refusalOf } from './refusal.ts'
import { seed } from './small-ledger.ts'

const { ledger, monitor } = await lanesLedger()
const genesis = ledger.network
const key = laneStateKey(monitor.id, 0)
const absent = laneStateKey(monitor.id, 1)

function codeOf(proof: StateProofDocument, pin = ledger.pin(1)): string | undefined {
  const encoded = stateProofFormat.encode(proof)
  return refusalOf(() => verifyStateProofDocument(encoded, { genesis, pin }))?.code
}

t.test('a state proof shows a value, or that there is none, after a certified block', async t => {
  const shown = ledger.stateProof(key)
  const proven = verifyStateProofDocument(stateProofFormat.encode(shown), { genesis })
  t.same(proven.value, ledger.state.get(key.join())?.value)
  t.match(proven, { header: { height: ledger.blocks.length }, trust: 'genesis-only' })
  const none = stateProofFormat.encode(ledger.stateProof(absent))
  t.equal(verifyStateProofDocument(none, { genesis }).value, undefined)
})

t.test('with a pin it counts as pinned only when the pin names the validators', async t => {
  const { size } = ledger.pin(1)
  const encoded = stateProofFormat.encode(ledger.stateProof(key, size))
  const bare = verifyStateProofDocument(encoded, { genesis, pin: ledger.pin(1) })
  t.equal(bare.trust, 'genesis-only', 'no history root covers the state')
  const pin = ledger.pin(1, { validators: true })
  t.equal(verifyStateProofDocument(encoded, { genesis, pin }).trust, `pinned@${size}`)
  t.equal(codeOf(ledger.stateProof(key)), 'ERR_PIN_UNPROVEN')
})

t.test('another key, value or proof is refused', async t => {
  const { size } = ledger.pin(1)
  const shown = ledger.stateProof(key, size)
  const none = ledger.stateProof(absent, size)
  const [sibling] = shown.proof.siblings
  t.equal(codeOf(shown), undefined)
  t.equal(codeOf(none), undefined)
  const wrong: readonly StateProofDocument[] = [
    { ...shown, key: absent },
    { ...shown, key: utf8('devices/lane/') },
    { ...shown, value: undefined },
    { ...shown, value: seed('value') },
    { ...shown, proof: none.proof },
    { ...shown, proof: { siblings: shown.proof.siblings.toReversed() } },
    { ...shown, proof: { siblings: shown.proof.siblings.slice(1) } },
    { ...shown, proof: { siblings: [...shown.proof.siblings, sibling!] } },
    { ...shown, proof: { ...shown.proof, leaf: { path: seed('p'), valueHash: seed('v') } } },
    { ...none, value: seed('value') },
    { ...none, key },
    { ...shown, ...ledger.anchor(3, size) }
  ]
  for (const each of wrong) t.equal(codeOf(each), 'ERR_STATE_PROOF')
})

t.test('a key or value outside of the limits is refused', async t => {
  const shown = ledger.stateProof(key)
  for (const each of [
    { ...shown, key: new Uint8Array(0) },
    { ...shown, key: new Uint8Array(257) },
    { ...shown, value: new Uint8Array(0) },
    { ...shown, value: new Uint8Array(64 * 1024 + 1) },
    { ...shown, proof: { siblings: Array.from({ length: 257 }, () => seed('x')) } }
  ])
    t.equal(codeOf(each), 'ERR_SCHEMA')
})
