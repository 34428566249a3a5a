import { genesisFormat, isVitalchainError, useCryptoBackend, type Genesis } from '@vitalchain/core'
import t from 'tap'
import { parseJson } from '../../src/cli/json-file.ts'
import { addressesOf, describe } from '../../src/cli/make-dir.ts'
import { nodeCryptoBackend } from '../../src/crypto/node-crypto-backend.ts'
import { joinParts } from '../../src/genesis/found.ts'
import { partJson, readPart } from '../../src/genesis/member-json.ts'
import type { SignedPart } from '../../src/genesis/member-part.ts'
import {
  fingerprint,
  memberLines,
  networkFileText,
  readNetworkFile
} from '../../src/genesis/network-file.ts'
import { DEFAULT_PARAMETERS, memberSecrets } from '../../src/testing/found-network.ts'

useCryptoBackend(nodeCryptoBackend)

/** A hospital that signs these addresses of its own; those without a peer get its own. */
function partWith(name: string, addresses: readonly string[]): Promise<SignedPart> {
  const secrets = memberSecrets(name)
  return describe(secrets, addressesOf(new Map([['announce', addresses]]), secrets.transport))
}

const FOUR = ['Hospital 1', 'Hospital 2', 'Hospital 3', 'Hospital 4']

const parts = await Promise.all(
  FOUR.map((name, k) => partWith(name, [`/ip4/127.0.0.1/tcp/${4_000 + k}`]))
)
const OPTIONS = { name: 'Ward network', created: 1_764_000_000_000, parameters: DEFAULT_PARAMETERS }
const document = joinParts(parts, OPTIONS)

function codeOf(read: () => unknown): string | undefined {
  try {
    read()
    return undefined
  } catch (error) {
    if (isVitalchainError(error)) return error.code
    throw error
  }
}

t.test('a hospital cannot write lines of its own on the terminals of the others', async t => {
  for (const hostile of [
    `/dns4/a\u001b[2K\rfingerprint  0000/tcp/1`,
    `/dns4/a\nfingerprint  0000/tcp/1`,
    `/ip4/127.0.0.1/tcp/1/http-path/a\u0007b`
  ]) {
    const part = await partWith('Hospital 5', [hostile])
    const json = JSON.stringify(partJson(part))
    t.equal(
      codeOf(() => readPart(parseJson(json, 'part'), 'part')),
      'ERR_MEMBER_PART'
    )
  }
  const many = Array.from({ length: 17 }, () => `/ip4/127.0.0.1/tcp/1`)
  const crowd = await partWith('Hospital 5', many)
  t.equal(
    codeOf(() => readPart(parseJson(JSON.stringify(partJson(crowd)), 'part'), 'part')),
    'ERR_MEMBER_PART'
  )
  // What turns the direction of writing round is shown as what it is.
  const turned = await partWith('Hospital \u202e1', [`/dns4/a\u202eb/tcp/1`])
  const all = [turned, ...parts.slice(1)]
  const genesis = genesisFormat.decode(joinParts(all, OPTIONS))
  t.notMatch(memberLines(genesis, all).join('\n'), '\u202e')
})

t.test("a hospital cannot give the others addresses of somebody else's node", async t => {
  const [address = ''] = parts[0]!.addresses
  for (const wrong of [address, '/ip4/127.0.0.1/tcp/1/p2p/', `${address}/p2p-circuit`]) {
    const json = JSON.stringify(partJson(await partWith('Hospital 5', [wrong])))
    t.equal(
      codeOf(() => readPart(parseJson(json, 'part'), 'part')),
      'ERR_MEMBER_PART'
    )
  }
})

t.test('who joins the parts cannot add keys that recover the network', async t => {
  const mallory = (await partWith('Mallory', [])).member.operatorKey
  const genesis: Genesis = {
    ...genesisFormat.decode(document),
    recovery: { threshold: 1, keys: [mallory] }
  }
  const text = networkFileText(genesisFormat.encode(genesis), parts)
  t.equal(
    codeOf(() => readNetworkFile(new TextEncoder().encode(text), 'file')),
    'ERR_MEMBER_PART'
  )
})

t.test('nobody makes two documents with one fingerprint', t => {
  // Who writes a document chooses both: of n bits he finds two in 2^(n / 2) attempts.
  const bits = 4 * fingerprint(document).replaceAll(' ', '').length
  t.ok(bits >= 160)
  t.end()
})
