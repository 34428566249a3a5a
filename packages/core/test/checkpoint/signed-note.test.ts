import * as fc from 'fast-check'
import t from 'tap'
import { equalBytes, toHex, utf8 } from '../../src/bytes.ts'
import { fromBase64, toBase64 } from '../../src/checkpoint/base64.ts'
import {
  formatNote,
  NOTE_CHARACTERS_MAX,
  noteKeyId,
  parseNote,
  verifierKey
} from '../../src/checkpoint/signed-note.ts'
import { verifyEd25519 } from '../../src/crypto/ed25519.ts'
import { errorCode } from '../../src/errors.ts'
import { refusalOf } from '../ledger/refusal.ts'

/** C2SP signed-note, "Example". */
const EXAMPLE_VKEY = 'example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k'
const EXAMPLE = `This is an example message.

— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=
`

/** The example of the Go package golang.org/x/mod/sumdb/note, with the vkey of its author. */
const GO_VKEY = 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW'
const GO_NOTE = `If you think cryptography is the answer to your problem,
then you don't know what your problem is.

— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=
`

function keyOfVkey(vkey: string) {
  const [name = '', , material = ''] = vkey.split(/\+(?=[0-9a-f]{8}\+)|(?<=\+[0-9a-f]{8})\+/)
  return { name, publicKey: fromBase64(material)!.subarray(1) }
}

for (const [who, vkey, text] of [
  ['C2SP', EXAMPLE_VKEY, EXAMPLE],
  ['Go', GO_VKEY, GO_NOTE]
] as const) {
  t.test(`the example note of ${who} is read, and its signature is the key's`, async t => {
    const { name, publicKey } = keyOfVkey(vkey)
    const note = parseNote(text)
    const [signature] = note.signatures
    t.equal(note.signatures.length, 1)
    t.equal(signature?.name, name)
    t.same(signature?.keyId, noteKeyId({ name, type: 'ed25519', publicKey }), 'the key id')
    t.ok(verifyEd25519(publicKey, utf8(note.text), signature!.signature), 'the signature')
    t.equal(verifierKey({ name, type: 'ed25519', publicKey }), vkey)
    t.equal(formatNote(note), text, 'written back as it was')
  })
}

t.test('a cosigner key has another id than a note key of the same bytes and name', async t => {
  const key = { name: 'example.com/foo', publicKey: new Uint8Array(32) } as const
  t.not(
    toHex(noteKeyId({ ...key, type: 'ed25519' })),
    toHex(noteKeyId({ ...key, type: 'cosignature' }))
  )
})

t.test('a text with empty lines is split from its signatures at the last one', async t => {
  const [signature] = parseNote(EXAMPLE).signatures
  const text = 'one\n\ntwo\n\n\nthree\n'
  const note = parseNote(formatNote({ text, signatures: [signature!, signature!] }))
  t.equal(note.text, text)
  t.equal(note.signatures.length, 2)
})

function lineOf(name: string, bytes: string): string {
  return `text\n\n— ${name} ${bytes}\n`
}

t.test('a note of another form is refused', async t => {
  const line = EXAMPLE.split('\n')[2]!
  const cases: readonly (readonly [string, string])[] = [
    ['nothing', ''],
    ['no signature', 'text\n'],
    ['no signature behind the empty line', 'text\n\n'],
    ['no newline at the end', EXAMPLE.slice(0, -1)],
    ['a second newline at the end', `${EXAMPLE}\n`],
    ['no empty line', EXAMPLE.replace('\n\n', '\n')],
    ['a hyphen for the dash', EXAMPLE.replace('—', '-')],
    ['no space behind the dash', EXAMPLE.replace('— ', '—')],
    ['two spaces behind the dash', EXAMPLE.replace('— ', '—  ')],
    ['two spaces behind the name', EXAMPLE.replace('foo ', 'foo  ')],
    ['a space behind the signature', EXAMPLE.replace('=\n', '= \n')],
    ['no name', EXAMPLE.replace('example.com/foo ', '')],
    ['a plus sign in the name', EXAMPLE.replace('foo', 'f+o')],
    ['a wide space in the name', EXAMPLE.replace('foo', 'f\u2003o')],
    ['a tab', EXAMPLE.replace('an example', 'an\texample')],
    ['a carriage return', EXAMPLE.replaceAll('\n', '\r\n')],
    ['a zero character', EXAMPLE.replace('an', 'a\u0000n')],
    ['half of a surrogate pair', EXAMPLE.replace('an', 'a\ud800n')],
    ['no padding', EXAMPLE.replace('=\n', '\n')],
    ['bits behind the last byte', EXAMPLE.replace('QM=', 'QN=')],
    ['url-safe base64', EXAMPLE.replace('7Ztg', '7_-g')],
    ['a key id and no signature', lineOf('name', toBase64(new Uint8Array(4)))],
    ['three bytes', lineOf('name', toBase64(new Uint8Array(3)))],
    ['something between the signatures', `text\n\n${line}\nhello\n${line}\n`],
    ['101 signatures', `text\n\n${`${line}\n`.repeat(101)}`]
  ]
  for (const [why, text] of cases)
    t.equal(refusalOf(() => parseNote(text))?.code, 'ERR_SCHEMA', why)
  t.equal(parseNote(`text\n\n${`${line}\n`.repeat(100)}`).signatures.length, 100)
  t.equal(refusalOf(() => parseNote('x'.repeat(NOTE_CHARACTERS_MAX + 1)))?.code, 'ERR_TOO_LARGE')
})

t.test('16 post-quantum signatures of others fit, as C2SP demands', async t => {
  const signature = { name: 'w', keyId: new Uint8Array(4), signature: new Uint8Array(5_000) }
  const text = formatNote({
    text: 'text\n',
    signatures: Array.from({ length: 16 }, () => signature)
  })
  t.equal(parseNote(text).signatures.length, 16)
})

t.test('any text is a note that is written back as it was, or refused', async () => {
  const pieces = fc.constantFrom(
    '— ',
    '\n',
    '\n\n',
    'a',
    '+',
    ' ',
    'AAAAAAA=',
    'AAAA',
    '\t',
    'é',
    '\ud800'
  )
  const damaged = fc
    .tuple(fc.nat(EXAMPLE.length), fc.nat(3), fc.string({ unit: 'binary', maxLength: 3 }))
    .map(([at, cut, put]) => EXAMPLE.slice(0, at) + put + EXAMPLE.slice(at + cut))
  const texts = fc.oneof(
    fc.array(pieces).map(all => all.join('')),
    damaged,
    fc.string({ unit: 'binary' })
  )
  fc.assert(
    fc.property(texts, text => {
      try {
        return formatNote(parseNote(text)) === text
      } catch (error) {
        return /^ERR_(SCHEMA|TOO_LARGE)$/.test(errorCode(error))
      }
    }),
    { numRuns: 2_000, seed: 1 }
  )
})

t.test('base64 is that of RFC 4648 section 10, and no other text is taken for it', async t => {
  for (const [text, encoded] of [
    ['', ''],
    ['f', 'Zg=='],
    ['fo', 'Zm8='],
    ['foo', 'Zm9v'],
    ['foob', 'Zm9vYg=='],
    ['fooba', 'Zm9vYmE='],
    ['foobar', 'Zm9vYmFy']
  ] as const) {
    t.equal(toBase64(utf8(text)), encoded)
    t.same(fromBase64(encoded), utf8(text))
  }
  for (const text of [
    'Zg',
    'Zg=',
    'Zh==',
    'Zm9=',
    'Zm 9v',
    'Zm9v\n',
    '====',
    'Z===',
    '=Zg=',
    'Zm-v'
  ])
    t.equal(fromBase64(text), undefined, JSON.stringify(text))
  fc.assert(
    fc.property(fc.uint8Array(), bytes => {
      const encoded = toBase64(bytes)
      const again = fromBase64(encoded)
      return (
        encoded === Buffer.from(bytes).toString('base64') &&
        again !== undefined &&
        equalBytes(again, bytes)
      )
    }),
    { numRuns: 200, seed: 1 }
  )
})
