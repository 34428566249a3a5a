import { concatBytes, toHex, u64be, utf8 } from '../../src/bytes.ts'
import { toBase64 } from '../../src/checkpoint/base64.ts'
import { coseReceipt } from '../../src/checkpoint/cose-receipt.ts'
import { tlogProof } from '../../src/checkpoint/tlog-proof.ts'
import {
  decodeCbor,
  encodeCbor,
  tagSign1,
  untagSign1,
  type CborValue
} from '../../src/encoding/cbor.ts'
import { seed, testMember } from '../ledger/small-ledger.ts'
import {
  berlin,
  berlinKey,
  checkpoint,
  flipped,
  INDEX,
  leaf,
  malleated,
  note,
  noteOf,
  path,
  proof,
  SIZE,
  transaction,
  trust,
  type Case
} from './checkpoint-case.ts'

function madeProof(
  kind: string,
  why: string,
  input: string,
  code: string,
  leafHex = transaction
): Case {
  return { form: 'tlog-proof', kind, why, code, input, transaction: leafHex }
}

/** Texts that do not prove a leaf under a checkpoint of a quorum. */
export function tlogCases(): readonly Case[] {
  const hashes = path(INDEX)
  const withPath = (kind: string, why: string, changed: readonly Uint8Array[]): Case =>
    madeProof(
      kind,
      why,
      tlogProof({ index: INDEX, path: changed, checkpoint: note }),
      'ERR_INCLUSION'
    )
  const form = (why: string, from: string, to: string): Case =>
    madeProof('form', why, proof.replace(from, to), 'ERR_SCHEMA')
  const place = `index ${INDEX}`
  return [
    madeProof('leaf', 'another transaction', proof, 'ERR_INCLUSION', toHex(leaf(INDEX + 1))),
    madeProof('leaf', 'no bytes', proof, 'ERR_INCLUSION', ''),
    madeProof('index', 'one more', proof.replace(place, `index ${INDEX + 1}`), 'ERR_INCLUSION'),
    madeProof('index', 'one less', proof.replace(place, `index ${INDEX - 1}`), 'ERR_INCLUSION'),
    madeProof('index', 'behind the tree', proof.replace(place, `index ${SIZE}`), 'ERR_INCLUSION'),
    ...hashes.flatMap((hash, at) => [
      withPath('path', `hash ${at} with a flipped bit`, hashes.with(at, flipped(hash, 5))),
      withPath('path', `hash ${at} left out`, hashes.toSpliced(at, 1)),
      withPath('path', `hash ${at} twice`, hashes.toSpliced(at, 0, hash))
    ]),
    withPath('path', 'turned round', hashes.toReversed()),
    withPath('path', 'none', []),
    madeProof(
      'checkpoint',
      'two of four cosignatures',
      replaceNote(noteOf(4, 8, 9)),
      'ERR_CHECKPOINT'
    ),
    madeProof(
      'checkpoint',
      'of another size',
      proof.replace(`\n${SIZE}\n`, `\n${SIZE + 1}\n`),
      'ERR_CHECKPOINT'
    ),
    madeProof('checkpoint', 'none', replaceNote(''), 'ERR_SCHEMA'),
    form('another version', '@v1', '@v2'),
    form('no first line', 'c2sp.org/tlog-proof@v1\n', ''),
    form('no index', `${place}\n`, ''),
    form('an index with a leading zero', place, `index 0${INDEX}`),
    form('a negative index', place, `index -${INDEX}`),
    form('an index of 2^53', place, `index ${2 ** 53}`),
    form('index twice', place, `${place}\n${place}`),
    form('extra behind the index', place, `${place}\nextra AAAA`),
    form('extra that is not base64', place, `extra ?\n${place}`),
    form('a hash of 31 bytes', place, `${place}\n${toBase64(new Uint8Array(31))}`),
    form('54 hashes', place, `${place}${`\n${toBase64(seed('hash'))}`.repeat(54)}`),
    form('an empty line in front', 'c2sp.org', '\nc2sp.org'),
    form('no empty line in front of the checkpoint', '\n\n', '\n')
  ]
}

function replaceNote(other: string): string {
  return proof.replace(note, () => other)
}

/** COSE receipts that do not prove a leaf under the signature of a validator. */
export function coseCases(): readonly Case[] {
  const hashes = path(INDEX)
  const from = { share: berlin, index: INDEX, path: hashes, checkpointKey: berlinKey }
  const receipt = coseReceipt(from)
  const items = untagSign1(decodeCbor(receipt, 10_000)) as readonly CborValue[]
  const head = decodeCbor(items[0] as Uint8Array, 1_000) as ReadonlyMap<CborValue, CborValue>
  const claims = head.get(15) as ReadonlyMap<CborValue, CborValue>
  const made = (
    kind: string,
    why: string,
    changes: Partial<typeof from>,
    code = 'ERR_CHECKPOINT',
    leafHex = transaction
  ): Case => raw(kind, why, coseReceipt({ ...from, ...changes }), code, leafHex)
  const item = (why: string, at: number, value: CborValue, code = 'ERR_SCHEMA'): Case =>
    raw('structure', why, encodeCbor(tagSign1(items.with(at, value))), code)
  const headWith = (why: string, label: number, value: CborValue): Case =>
    item(why, 0, encodeCbor(new Map([...head, [label, value]])))
  const claimWith = (why: string, label: number, value: CborValue): Case =>
    headWith(why, 15, new Map([...claims, [label, value]]))
  const inner = encodeCbor([SIZE, INDEX, hashes])
  return [
    made('leaf', 'another transaction', {}, 'ERR_CHECKPOINT', toHex(leaf(INDEX + 1))),
    made('index', 'one more', { index: INDEX + 1 }),
    made('index', 'one less', { index: INDEX - 1 }),
    made('index', 'behind the tree', { index: SIZE }, 'ERR_INCLUSION'),
    ...hashes.flatMap((hash, at) => [
      made('path', `hash ${at} with a flipped bit`, { path: hashes.with(at, flipped(hash, 5)) }),
      made('path', `hash ${at} left out`, { path: hashes.toSpliced(at, 1) }, 'ERR_INCLUSION'),
      made('path', `hash ${at} twice`, { path: hashes.toSpliced(at, 0, hash) }, 'ERR_INCLUSION')
    ]),
    made('field', 'a size one smaller', { share: { ...berlin, size: SIZE - 1 } }),
    made('field', 'a size one larger', { share: { ...berlin, size: SIZE + 1 } }),
    made('field', 'another time', { share: { ...berlin, time: berlin.time + 1 } }),
    made(
      'network',
      'of another network',
      { share: { ...berlin, network: seed('another network') } },
      'ERR_OTHER_NETWORK'
    ),
    made('signer', 'under the key of another validator', {
      checkpointKey: trust.validators[2]!.checkpointKey
    }),
    made('signer', 'by a hospital that is no validator', {
      checkpointKey: testMember('Essen').validator.checkpointKey
    }),
    made('signature', 'a flipped bit of R', {
      share: { ...berlin, cose: flipped(berlin.cose, 3) }
    }),
    made('signature', 'S + L for S', { share: { ...berlin, cose: malleated(berlin.cose) } }),
    made('signature', 'zeros', { share: { ...berlin, cose: new Uint8Array(64) } }),
    made('signature', 'the signature of the note', { share: { ...berlin, cose: berlin.note } }),
    raw('encoding', 'nothing', new Uint8Array(0), 'ERR_ENCODING'),
    raw('encoding', 'the last byte missing', receipt.slice(0, -1), 'ERR_ENCODING'),
    raw('encoding', 'a byte behind', concatBytes([receipt, u64be(0)]), 'ERR_ENCODING'),
    raw('encoding', '4 097 bytes', new Uint8Array(4_097), 'ERR_TOO_LARGE'),
    raw('encoding', 'text', utf8('receipt'), 'ERR_ENCODING'),
    raw('structure', 'no tag', encodeCbor(items), 'ERR_SCHEMA'),
    raw('structure', 'a fifth item', encodeCbor(tagSign1([...items, 0])), 'ERR_SCHEMA'),
    headWith('ES256', 1, -7),
    headWith('another kind of tree', 395, 2),
    headWith('a label more', 16, 'application/receipt'),
    headWith('a key of 31 bytes', 4, berlinKey.slice(1)),
    headWith('no claims', 15, new Map()),
    claimWith('another issuer', 1, 'example.com'),
    claimWith('a claim more', 2, 'subject'),
    claimWith('another size than the proof', -65_537, SIZE + 1),
    claimWith('a negative time', 6, -1),
    item('an empty protected header', 0, new Uint8Array(0), 'ERR_ENCODING'),
    item('no proofs', 1, new Map()),
    item('a proof of consistency', 1, new Map([[396, new Map([[-2, [inner]]])]])),
    item('two proofs', 1, proofs(inner, inner)),
    item(
      'a proof with a hash of 31 bytes',
      1,
      proofs(encodeCbor([SIZE, INDEX, [new Uint8Array(31)]]))
    ),
    item('a proof with a fourth item', 1, proofs(encodeCbor([SIZE, INDEX, hashes, 0]))),
    item('the root attached', 2, checkpoint.root),
    item('a signature of 63 bytes', 3, berlin.cose.slice(1))
  ]
}

function raw(
  kind: string,
  why: string,
  bytes: Uint8Array,
  code: string,
  leafHex = transaction
): Case {
  return { form: 'cose-receipt', kind, why, code, input: toHex(bytes), transaction: leafHex }
}

/** The unprotected header of these inclusion proofs. */
function proofs(...all: readonly CborValue[]): CborValue {
  return new Map([[396, new Map([[-1, all]])]])
}
