import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { openCose, signCose, utf8, verifySigned } from '@vitalchain/core'
import t, { type Test } from 'tap'
import { openPkcs11Signer, type Pkcs11, type Pkcs11Signer } from '../src/signers/pkcs11.ts'

const LIBRARY = [
  '/usr/lib/softhsm/libsofthsm2.so',
  '/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so',
  '/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so'
].find(path => existsSync(path))

type Module = Parameters<typeof openPkcs11Signer>[0]['pkcs11js']

/** The module, if somebody installed it: it is native code and no dependency. `PKCS11JS` may say where. */
function loadModule(): Module | undefined {
  try {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a module without types here
    return createRequire(import.meta.url)(process.env['PKCS11JS'] ?? 'pkcs11js') as Module
  } catch {
    return undefined
  }
}

const pkcs11js = loadModule()
const missing =
  LIBRARY === undefined
    ? 'SoftHSM2 is not installed'
    : pkcs11js === undefined
      ? 'pkcs11js is not installed'
      : false

/** A new token with a key pair of each kind, made by SoftHSM2 and this package's own calls. */
async function softToken(t: Test): Promise<(key: string) => Pkcs11Signer> {
  const dir = t.testdir({})
  await mkdir(join(dir, 'tokens'))
  const configuration = join(dir, 'softhsm2.conf')
  await writeFile(
    configuration,
    `directories.tokendir = ${join(dir, 'tokens')}\nlog.level = ERROR\n`
  )
  process.env['SOFTHSM2_CONF'] = configuration
  await promisify(execFile)('softhsm2-util', [
    '--init-token',
    '--free',
    '--label=ward',
    '--so-pin=12345678',
    '--pin=1234'
  ])
  if (pkcs11js === undefined || LIBRARY === undefined) throw new Error('skipped')
  makeKeys(new pkcs11js.PKCS11() as Pkcs11 & KeyMaker, LIBRARY)
  return key => {
    const signer = openPkcs11Signer({ pkcs11js, library: LIBRARY, token: 'ward', pin: '1234', key })
    t.teardown(() => signer.close())
    return signer
  }
}

/** What the test uses beyond the adapter. */
interface KeyMaker {
  C_GenerateKeyPair(
    session: Buffer,
    mechanism: { mechanism: number },
    publicTemplate: object[],
    privateTemplate: object[]
  ): unknown
}

/** Key pairs `p256` (ECDSA), `ed` (EdDSA) and `p384`. The numbers are those of PKCS #11. */
function makeKeys(token: Pkcs11 & KeyMaker, library: string): void {
  token.load(library)
  token.C_Initialize()
  const slot = token
    .C_GetSlotList(true)
    .find(each => token.C_GetTokenInfo(each).label.startsWith('ward'))
  if (slot === undefined) throw new Error('no token')
  const session = token.C_OpenSession(slot, 0x6)
  token.C_Login(session, 1, '1234')
  const kinds = [
    { label: 'p256', mechanism: 0x1040, curve: '06082a8648ce3d030107' },
    { label: 'p384', mechanism: 0x1040, curve: '06052b81040022' },
    { label: 'ed', mechanism: 0x1055, curve: '130c656477617264733235353139' }
  ]
  for (const { label, mechanism, curve } of kinds) {
    const common = [
      { type: 0x1, value: true },
      { type: 0x3, value: label }
    ]
    token.C_GenerateKeyPair(
      session,
      { mechanism },
      [...common, { type: 0x10a, value: true }, { type: 0x180, value: Buffer.from(curve, 'hex') }],
      [
        ...common,
        { type: 0x2, value: true },
        { type: 0x103, value: true },
        { type: 0x108, value: true }
      ]
    )
  }
  token.C_Finalize()
  token.close()
}

t.test('keys of a token sign for the ledger and never leave it', { skip: missing }, async t => {
  const open = await softToken(t)
  for (const [label, algorithm] of [
    ['p256', 'es256'],
    ['ed', 'ed25519']
  ] as const) {
    const signer = open(label)
    t.equal(signer.publicKey.algorithm, algorithm)
    // At once: a session signs one after the other. An element returns a high S every second time.
    const signed = await Promise.all(
      Array.from({ length: 16 }, async (_, k) => openCose(await signCose(signer, utf8(`${k}`))))
    )
    t.ok(signed.every(verifySigned), label)
    signer.close()
    signer.close()
    await t.rejects(signer.sign(utf8('closed')), { code: 'ERR_TOKEN_KEY' })
  }
  t.throws(() => open('p384'), { code: 'ERR_TOKEN_KEY' }, 'another curve')
  t.throws(() => open('none'), { code: 'ERR_TOKEN_KEY' }, 'no such key')
  const wrong = { token: 'ward', pin: '9999', key: 'p256' }
  if (pkcs11js === undefined || LIBRARY === undefined) return
  t.throws(() => openPkcs11Signer({ pkcs11js, library: LIBRARY, ...wrong }), {
    code: 'ERR_TOKEN_KEY'
  })
  t.throws(() => openPkcs11Signer({ pkcs11js, library: LIBRARY, ...wrong, token: 'other' }), {
    code: 'ERR_TOKEN_KEY'
  })
  t.throws(() => openPkcs11Signer({ pkcs11js, library: '/nowhere.so', ...wrong }), {
    code: 'ERR_TOKEN_KEY'
  })
})
