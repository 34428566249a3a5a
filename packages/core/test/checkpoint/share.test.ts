import * as fc from 'fast-check'
import t from 'tap'
import { equalBytes, utf8 } from '../../src/bytes.ts'
import {
  checkpointBody,
  checkpointOrigin,
  parseCheckpointBody
} from '../../src/checkpoint/checkpoint.ts'
import { noteKeyId, parseNote } from '../../src/checkpoint/signed-note.ts'
import {
  checkpointShareFormat,
  signCheckpoint,
  verifyCheckpointShare,
  type CheckpointShare
} from '../../src/checkpoint/share.ts'
import { createSigner } from '../../src/crypto/keys.ts'
import { errorCode } from '../../src/errors.ts'
import { refusalOf } from '../ledger/refusal.ts'
import { seed } from '../ledger/small-ledger.ts'
import { checkpointSigner, leavesLedger, shareOf } from './checkpoint-fixture.ts'

const { checkpoint } = leavesLedger(5)
const key = checkpointSigner('Aachen').publicKey.bytes

t.test('a checkpoint is three lines of text, and is read back from them', async t => {
  const body = checkpointBody(checkpoint)
  t.match(body, /^vitalchain\/[0-9a-f]{64}\n5\n[A-Za-z0-9+/]{43}=\n$/)
  t.same(parseCheckpointBody(body), checkpoint)
  t.same(parseCheckpointBody(checkpointBody({ ...checkpoint, size: 0 })).size, 0)
  const largest = { ...checkpoint, size: Number.MAX_SAFE_INTEGER }
  t.same(parseCheckpointBody(checkpointBody(largest)), largest)
})

t.test('a checkpoint of another form is refused', async t => {
  const body = checkpointBody(checkpoint)
  const cases: readonly (readonly [string, string])[] = [
    ['nothing', ''],
    ['another log', body.replace('vitalchain/', 'example.com/')],
    ['a network id in capitals', body.toUpperCase().replace('VITALCHAIN', 'vitalchain')],
    ['half a network id', body.replace(/[0-9a-f]{32}\n/, '\n')],
    ['no newline at the end', body.slice(0, -1)],
    ['an extension line', `${body}extension\n`],
    ['an empty line at the end', `${body}\n`],
    ['no root', body.split('\n').slice(0, 2).join('\n')],
    ['a leading zero', body.replace('\n5\n', '\n05\n')],
    ['a plus sign', body.replace('\n5\n', '\n+5\n')],
    ['a negative size', body.replace('\n5\n', '\n-5\n')],
    ['a size in hexadecimal', body.replace('\n5\n', '\n0x5\n')],
    ['a size with a fraction', body.replace('\n5\n', '\n5.0\n')],
    ['a size with an exponent', body.replace('\n5\n', '\n5e0\n')],
    ['no size', body.replace('\n5\n', '\n\n')],
    ['a size of 2^53', body.replace('\n5\n', `\n${2 ** 53}\n`)],
    ['a root of 31 bytes', body.replace(/[^\n]*\n$/, `${'A'.repeat(40)}AA==\n`)],
    ['a root without padding', body.replace('=\n', '\n')]
  ]
  for (const [why, text] of cases)
    t.equal(refusalOf(() => parseCheckpointBody(text))?.code, 'ERR_SCHEMA', why)
  t.equal(refusalOf(() => parseCheckpointBody('x'.repeat(257)))?.code, 'ERR_TOO_LARGE')
})

t.test(
  'the checkpoint and cosignature of the C2SP documents name the keys that they say',
  async t => {
    // The keys of these examples are not published, their form is: tlog-cosignature, second example.
    const { text, signatures } = parseNote(`example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==
`)
    t.equal(text.split('\n').length, 4)
    t.same(
      signatures.map(each => [each.name, each.signature.length]),
      [
        ['example.com/behind-the-sofa', 64],
        ['witness.example.com/w1', 72]
      ]
    )
    const time = new DataView(signatures[1]!.signature.slice().buffer).getBigUint64(0)
    t.equal(time, 1_679_315_147n, 'the time that tlog-cosignature gives for it')
  }
)

t.test('a validator signs a checkpoint in three ways, and each is checked', async t => {
  const share = await shareOf(checkpoint, 'Aachen')
  verifyCheckpointShare(share, key)
  t.same(checkpointShareFormat.decode(checkpointShareFormat.encode(share)), share)
  for (const field of ['cosignature', 'note', 'cose'] as const) {
    const damaged = { ...share, [field]: share[field].with(7, share[field][7]! ^ 1) }
    const refused = refusalOf(() => verifyCheckpointShare(damaged, key))
    t.equal(refused?.code, 'ERR_CHECKPOINT', field)
    t.equal(refused?.values['signature'], field)
  }
  const swapped = { ...share, note: share.cose, cose: share.note }
  t.equal(refusalOf(() => verifyCheckpointShare(swapped, key))?.code, 'ERR_CHECKPOINT', 'swapped')
})

t.test('every flipped bit of a share that is signed is noticed', async t => {
  const share = await shareOf(checkpoint, 'Aachen')
  const encoded = checkpointShareFormat.encode(share)
  // The member alone is not signed: its key is what the verifier takes.
  const member = Buffer.from(encoded).indexOf(share.member)
  for (let at = 0; at < encoded.length; at++) {
    if (at >= member && at < member + 32) continue
    const damaged = encoded.with(at, encoded[at]! ^ (1 << (at % 8)))
    const code = refusalOf(() =>
      verifyCheckpointShare(checkpointShareFormat.decode(damaged), key)
    )?.code
    t.match(code ?? 'none', /^ERR_(CHECKPOINT|SCHEMA|ENCODING|NOT_CANONICAL)$/, `byte ${at}`)
  }
})

t.test("another hospital's key, network, size, root or time does not verify", async t => {
  const share = await shareOf(checkpoint, 'Aachen')
  const cases: readonly (readonly [string, Partial<CheckpointShare>])[] = [
    ['network', { network: seed('another network') }],
    ['size', { size: 6 }],
    ['root', { root: seed('another root') }],
    ['time', { time: share.time + 1 }]
  ]
  for (const [why, changes] of cases)
    t.equal(
      refusalOf(() => verifyCheckpointShare({ ...share, ...changes }, key))?.code,
      'ERR_CHECKPOINT',
      why
    )
  const other = checkpointSigner('Berlin').publicKey.bytes
  t.equal(refusalOf(() => verifyCheckpointShare(share, other))?.code, 'ERR_CHECKPOINT')
  t.equal(refusalOf(() => verifyCheckpointShare(share, new Uint8Array(32)))?.code, 'ERR_CHECKPOINT')
})

t.test('only an Ed25519 key signs checkpoints', async t => {
  await t.rejects(
    signCheckpoint(checkpoint, {
      member: seed('member'),
      time: 0,
      signer: createSigner('es256', seed('es256'))
    }),
    { code: 'ERR_KEY_INVALID' }
  )
})

t.test(
  'the messages of a checkpoint key begin differently, so none passes for another',
  async t => {
    const signed: Uint8Array[] = []
    const signer = checkpointSigner('Aachen')
    await signCheckpoint(checkpoint, {
      member: seed('member'),
      time: 7,
      signer: {
        publicKey: signer.publicKey,
        sign: message => {
          signed.push(message)
          return signer.sign(message)
        }
      }
    })
    const body = checkpointBody(checkpoint)
    t.same(signed.slice(0, 2), [utf8(`cosignature/v1\ntime 7\n${body}`), utf8(body)])
    // 0x84: a CBOR array of four. 0x76 0x63, "vc": the sign-bytes of consensus (F-10), among them M-10.
    t.same(
      signed.map(message => message[0]),
      [0x63, 0x76, 0x84]
    )
    t.equal(body[1], 'i')
    t.equal(
      noteKeyId({ name: checkpointOrigin(checkpoint.network), type: 'ed25519', publicKey: key })
        .length,
      4
    )
  }
)

t.test('any bytes are a share or refused with a code', async () => {
  const encoded = checkpointShareFormat.encode(await shareOf(checkpoint, 'Aachen'))
  const damaged = fc
    .tuple(fc.nat(encoded.length), fc.nat(3), fc.uint8Array({ maxLength: 3 }))
    .map(([at, cut, put]) =>
      Uint8Array.from([...encoded.slice(0, at), ...put, ...encoded.slice(at + cut)])
    )
  fc.assert(
    fc.property(fc.oneof(damaged, fc.uint8Array()), bytes => {
      try {
        return equalBytes(checkpointShareFormat.encode(checkpointShareFormat.decode(bytes)), bytes)
      } catch (error) {
        return /^ERR_(SCHEMA|TOO_LARGE|ENCODING|NOT_CANONICAL)$/.test(errorCode(error))
      }
    }),
    { numRuns: 1_000, seed: 2 }
  )
})
