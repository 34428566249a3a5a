import { concatBytes, toHex, u64be } from '../../src/bytes.ts'
import { toBase64 } from '../../src/checkpoint/base64.ts'
import { checkpointNote } from '../../src/checkpoint/checkpoint-note.ts'
import { checkpointOrigin } from '../../src/checkpoint/checkpoint.ts'
import { checkpointShareFormat, type CheckpointShare } from '../../src/checkpoint/share.ts'
import { formatNote, parseNote } from '../../src/checkpoint/signed-note.ts'
import { decodeCbor, encodeCbor, type CborValue } from '../../src/encoding/cbor.ts'
import { seed, testMember } from '../ledger/small-ledger.ts'
import {
  berlin,
  checkpoint,
  flipped,
  lines,
  malleated,
  note,
  noteOf,
  shares,
  SIZE,
  trust,
  type Case
} from './checkpoint-case.ts'
import { keysOf, NAMES, shareOf, sharesOf, trustOf } from './checkpoint-fixture.ts'

function madeShare(kind: string, why: string, changes: Partial<CheckpointShare>): Case {
  const input = toHex(checkpointShareFormat.encode({ ...berlin, ...changes }))
  return { form: 'share', kind, why, code: 'ERR_CHECKPOINT', input }
}

function rawShare(why: string, bytes: Uint8Array, code: string): Case {
  return { form: 'share', kind: 'encoding', why, code, input: toHex(bytes) }
}

/** Shares that are not what their member signed. */
export async function shareCases(): Promise<readonly Case[]> {
  const encoded = checkpointShareFormat.encode(berlin)
  const celle = await shareOf(checkpoint, 'Celle')
  const items = decodeCbor(encoded, 1_000) as readonly CborValue[]
  return [
    madeShare('field', 'another network', { network: seed('another network') }),
    madeShare('field', 'a size one larger', { size: SIZE + 1 }),
    madeShare('field', 'a size one smaller', { size: SIZE - 1 }),
    madeShare('field', 'another root', { root: seed('another root') }),
    madeShare('field', 'another time', { time: berlin.time + 1 }),
    madeShare('signer', 'under the name of another validator', { member: celle.member }),
    madeShare('signer', 'by a member that is no validator', {
      member: testMember('Essen').validator.member
    }),
    ...(['cosignature', 'note', 'cose'] as const).flatMap(name => [
      madeShare('signature', `${name}: a flipped bit of R`, { [name]: flipped(berlin[name], 3) }),
      madeShare('signature', `${name}: a flipped bit of S`, { [name]: flipped(berlin[name], 40) }),
      madeShare('signature', `${name}: S + L for S`, { [name]: malleated(berlin[name]) }),
      madeShare('signature', `${name}: zeros`, { [name]: new Uint8Array(64) }),
      madeShare('signature', `${name}: of another validator`, { [name]: celle[name] })
    ]),
    madeShare('signature', 'two signatures swapped', { note: berlin.cose, cose: berlin.note }),
    rawShare('nothing', new Uint8Array(0), 'ERR_ENCODING'),
    rawShare('the last byte missing', encoded.slice(0, -1), 'ERR_ENCODING'),
    rawShare('a byte behind', concatBytes([encoded, Uint8Array.of(0)]), 'ERR_ENCODING'),
    rawShare('513 bytes', new Uint8Array(513), 'ERR_TOO_LARGE'),
    rawShare('another kind', encodeCbor(items.with(0, 'vitalchain/checkpoint')), 'ERR_SCHEMA'),
    rawShare('another version', encodeCbor(items.with(1, 2)), 'ERR_SCHEMA'),
    rawShare('a field more', encodeCbor([...items, 0]), 'ERR_SCHEMA'),
    rawShare('a field less', encodeCbor(items.slice(0, -1)), 'ERR_SCHEMA'),
    rawShare('a negative size', encodeCbor(items.with(3, -1)), 'ERR_SCHEMA'),
    rawShare('a root of 31 bytes', encodeCbor(items.with(4, new Uint8Array(31))), 'ERR_SCHEMA'),
    rawShare(
      'a signature of 63 bytes',
      encodeCbor(items.with(7, new Uint8Array(63))),
      'ERR_SCHEMA'
    ),
    rawShare('the size in a longer form', longerSize(encoded), 'ERR_NOT_CANONICAL')
  ]
}

/** A share with its size, which is below 24, in two bytes. */
function longerSize(encoded: Uint8Array): Uint8Array {
  const at = 1 + encodeCbor('vitalchain/checkpoint-share').length + 1 + 2 + 32
  return concatBytes([encoded.subarray(0, at), Uint8Array.of(0x18), encoded.subarray(at)])
}

function madeNote(kind: string, why: string, input: string, code = 'ERR_CHECKPOINT'): Case {
  return { form: 'note', kind, why, code, input }
}

function unfitNote(why: string, input: string): Case {
  return madeNote('form', why, input, 'ERR_SCHEMA')
}

/** Notes that are no quorum's, or no notes. */
export async function noteCases(): Promise<readonly Case[]> {
  const parsed = parseNote(note)
  const origin = checkpointOrigin(checkpoint.network)
  const other = await sharesOf({ ...checkpoint, root: seed('another root') })
  const another = await sharesOf({ ...checkpoint, network: seed('another network') })
  const withSignature = (at: number, signature: Uint8Array): string =>
    formatNote({
      ...parsed,
      signatures: parsed.signatures.with(at, { ...parsed.signatures[at]!, signature })
    })
  const log = parsed.signatures[0]!.signature
  const cosigned = parsed.signatures[4]!.signature
  return [
    madeNote('quorum', 'two of four cosignatures', noteOf(4, 5, 6, 7, 8, 9)),
    madeNote('quorum', 'no log signature', noteOf(8, 9, 10, 11)),
    madeNote('quorum', 'no cosignature', noteOf(4, 5, 6, 7)),
    madeNote('quorum', 'one cosignature three times', noteOf(4, 8, 8, 8)),
    madeNote('quorum', 'a quorum with one cosignature twice', noteOf(4, 8, 8, 9, 10)),
    madeNote('quorum', 'one log signature twice', noteOf(4, 4, 8, 9, 10)),
    madeNote(
      'signer',
      'by hospitals that are no validators',
      checkpointNote(
        await sharesOf(checkpoint, NAMES.slice(4)),
        keysOf(trustOf(checkpoint.network, NAMES))
      )
    ),
    madeNote(
      'network',
      'of another network',
      checkpointNote(another, keysOf(trust)),
      'ERR_OTHER_NETWORK'
    ),
    madeNote(
      'network',
      'of this network under the name of another',
      note.replaceAll(origin, checkpointOrigin(seed('another network'))),
      'ERR_OTHER_NETWORK'
    ),
    madeNote('text', 'a size one larger', note.replace(`\n${SIZE}\n`, `\n${SIZE + 1}\n`)),
    madeNote(
      'text',
      'another root under the old signatures',
      note.replace(toBase64(checkpoint.root), toBase64(seed('another root')))
    ),
    madeNote(
      'text',
      'three signed this root, one another',
      formatNote({
        text: parsed.text,
        signatures: [
          ...parsed.signatures.slice(0, 7),
          parseNote(checkpointNote(other, keysOf(trust))).signatures[7]!
        ]
      })
    ),
    madeNote('signature', 'log: a flipped bit of R', withSignature(0, flipped(log, 3))),
    madeNote('signature', 'log: S + L for S', withSignature(0, malleated(log))),
    madeNote('signature', 'log: a byte less', withSignature(0, log.slice(1))),
    madeNote('signature', 'log: a byte more', withSignature(0, concatBytes([log, u64be(0)]))),
    madeNote('signature', 'log: the COSE signature', withSignature(0, shares[0]!.cose)),
    madeNote('signature', 'cosignature: another time', withSignature(4, flipped(cosigned, 7))),
    madeNote(
      'signature',
      'cosignature: a flipped bit of S',
      withSignature(4, flipped(cosigned, 50))
    ),
    madeNote(
      'signature',
      'cosignature: S + L for S',
      withSignature(4, concatBytes([cosigned.slice(0, 8), malleated(cosigned.slice(8))]))
    ),
    madeNote('signature', 'cosignature: no time', withSignature(4, cosigned.slice(8))),
    madeNote(
      'signature',
      'cosignature: a time of 2^53 seconds',
      withSignature(4, concatBytes([u64be(2 ** 53), cosigned.slice(8)]))
    ),
    madeNote(
      'signature',
      'cosignature: the log signature behind a time',
      withSignature(4, concatBytes([cosigned.slice(0, 8), log]))
    ),
    unfitNote('nothing', ''),
    unfitNote('no signatures', lines.slice(0, 4).join('\n')),
    unfitNote('no newline at the end', note.slice(0, -1)),
    unfitNote('an empty line at the end', `${note}\n`),
    unfitNote('carriage returns', note.replaceAll('\n', '\r\n')),
    unfitNote('a hyphen for the dash', note.replace('—', '-')),
    unfitNote('a plus sign in a name', note.replace(`— ${origin}`, `— ${origin}+x`)),
    unfitNote('base64 without padding', note.replace('=\n', '\n')),
    unfitNote('base64 with bits behind the last byte', note.replace(/[^\n]=\n\n/, 'B=\n\n')),
    unfitNote('a size with a leading zero', note.replace(`\n${SIZE}\n`, `\n0${SIZE}\n`)),
    unfitNote('a size of 2^53', note.replace(`\n${SIZE}\n`, `\n${2 ** 53}\n`)),
    unfitNote(
      'a root of 31 bytes',
      note.replace(toBase64(checkpoint.root), toBase64(new Uint8Array(31)))
    ),
    unfitNote('an extension line', note.replace('=\n\n', '=\nextension\n\n')),
    unfitNote('another log', note.replace('vitalchain/', 'example.com/')),
    unfitNote('101 signatures', noteOf(...Array.from({ length: 101 }, () => 4)))
  ]
}
