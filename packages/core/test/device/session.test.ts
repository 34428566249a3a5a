import t from 'tap'
import { openSession, signSession, type Session } from '../../src/device/session.ts'
import { encodeCbor } from '../../src/encoding/cbor.ts'
import { openCose, signCose } from '../../src/ledger/cose.ts'
import { deviceId } from '../../src/ledger/identity.ts'
import { statementFormat } from '../../src/ledger/statement.ts'
import { seed, TestDevice, testSigner } from '../ledger/small-ledger.ts'

const signer = testSigner('es256', 'device')
const session: Session = {
  network: seed('network'),
  device: deviceId(signer.publicKey),
  challenge: seed('challenge'),
  node: seed('node')
}
const signed = await signSession(signer, session)

t.test('a signed session opens for the challenge it answers', async t => {
  const opened = openSession(signed, session)
  t.strictSame(opened.device, session.device)
  t.strictSame(opened.signed.publicKey, signer.publicKey)
})

for (const field of ['network', 'challenge', 'node'] as const) {
  t.test(`a session for another ${field} is refused`, async t => {
    t.throws(() => openSession(signed, { ...session, [field]: seed('other') }), {
      code: 'ERR_SESSION'
    })
  })
}

t.test('a session whose signature is not its key’s is refused', async t => {
  const at = signed.length - 1
  t.throws(() => openSession(signed.with(at, signed[at]! ^ 1), session), { code: 'ERR_SIGNATURE' })
  const { publicKey, signature } = openCose(signed)
  const stranger = testSigner('es256', 'stranger')
  const stolen = await signSession(
    { publicKey: stranger.publicKey, sign: async () => signature },
    session
  )
  t.notSame(stranger.publicKey, publicKey)
  t.throws(() => openSession(stolen, session), { code: 'ERR_SIGNATURE' })
})

t.test('what a device signed as a statement is no session, and the reverse', async t => {
  const { statement } = new TestDevice(session.network, 'es256', 'pump').readings()
  const other = await signCose(signer, statementFormat.encode(statement))
  t.throws(() => openSession(other, session), { code: /^ERR_(SCHEMA|TOO_LARGE)$/ })
  t.throws(() => statementFormat.decode(openCose(signed).payload), { code: 'ERR_SCHEMA' })
})

t.test('a session with a field of another length is refused', async t => {
  const fields = [
    'vitalchain/session',
    session.network,
    session.device,
    session.challenge,
    session.node
  ]
  for (let at = 1; at < fields.length; at++) {
    const cose = await signCose(signer, encodeCbor(fields.with(at, new Uint8Array(31))))
    t.throws(() => openSession(cose, session), { code: 'ERR_SCHEMA' })
  }
})
