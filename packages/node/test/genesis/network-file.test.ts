import { isVitalchainError, useCryptoBackend } from '@vitalchain/core'
import * as fc from 'fast-check'
import t from 'tap'
import { addressesOf, describe } from '../../src/cli/make-dir.ts'
import { parseJson } from '../../src/cli/json-file.ts'
import { nodeCryptoBackend } from '../../src/crypto/node-crypto-backend.ts'
import { joinParts } from '../../src/genesis/found.ts'
import { partJson, readPart } from '../../src/genesis/member-json.ts'
import {
  fingerprint,
  networkDigits,
  networkFileText,
  readNetworkFile,
  requireNetwork
} from '../../src/genesis/network-file.ts'
import { DEFAULT_PARAMETERS, memberSecrets } from '../../src/testing/found-network.ts'

useCryptoBackend(nodeCryptoBackend)

const RUNS = 120
const CODES = ['ERR_FILE', 'ERR_MEMBER_PART', 'ERR_GENESIS', 'ERR_KEY_INVALID']
const PEER = '12D3KooWJKNv1x7gvPQ4HVUQuHt9zYBbokKDjiML5mTfECN6j1kC'

const parts = await Promise.all(
  ['Hospital 1', 'Hospital 2', 'Hospital 3', 'Hospital 4'].map((name, k) => {
    const secrets = memberSecrets(name)
    const announce = [`/ip4/127.0.0.1/tcp/${4_000 + k}`]
    return describe(secrets, addressesOf(new Map([['announce', announce]]), secrets.transport))
  })
)
const OPTIONS = { name: 'Ward network', created: 1_764_000_000_000, parameters: DEFAULT_PARAMETERS }
const document = joinParts(parts, OPTIONS)
const text = networkFileText(document, parts)

/** The code of what reading throws; undefined when it reads. Anything but an error of ours fails the test. */
function refusal(read: () => unknown): string | undefined {
  try {
    read()
    return undefined
  } catch (error) {
    if (isVitalchainError(error)) return error.code
    throw error
  }
}

t.test('the order of the parts does not matter', async t => {
  t.same(joinParts(parts.toReversed(), OPTIONS), document)
})

t.test('a file with any character changed gives the same network, or is refused', async t => {
  const encoder = new TextEncoder()
  const property = fc.property(
    fc.nat(text.length - 1),
    fc.string({ maxLength: 2 }),
    (at, other) => {
      const changed = text.slice(0, at) + other + text.slice(at + 1)
      const code = refusal(() => {
        const { document: read } = readNetworkFile(encoder.encode(changed), 'file')
        t.same(Buffer.from(read).equals(document), true)
      })
      return code === undefined || CODES.includes(code)
    }
  )
  fc.assert(property, { numRuns: RUNS, seed: 1 })
})

t.test('a part of any other values is refused with a code', async t => {
  const [part] = parts
  const fields = Object.keys(partJson(part!))
  const property = fc.property(fc.constantFrom(...fields), fc.jsonValue(), (field, value) => {
    const json = JSON.stringify({ ...partJson(part!), [field]: value })
    const code = refusal(() => readPart(parseJson(json, 'part'), 'part'))
    return code !== undefined && CODES.includes(code)
  })
  fc.assert(property, { numRuns: RUNS, seed: 2 })
  const many = Array.from({ length: 17 }, () => `/ip4/127.0.0.1/tcp/1/p2p/${PEER}`)
  for (const addresses of [many, [`/dns4/${'x'.repeat(600)}/tcp/1/p2p/${PEER}`]]) {
    const json = JSON.stringify({ ...partJson(part!), addresses })
    t.equal(
      refusal(() => readPart(parseJson(json, 'part'), 'part')),
      'ERR_MEMBER_PART'
    )
  }
})

t.test('people may write a network id or its fingerprint as they like', async t => {
  const said = fingerprint(document)
  t.match(said, /^([0-9a-f]{4} ){9}[0-9a-f]{4}$/)
  for (const each of [
    said,
    said.replaceAll(' ', ''),
    ` ${said.toUpperCase()} `,
    said.replaceAll(' ', '-')
  ])
    requireNetwork(document, each)
  const other = joinParts(parts, { ...OPTIONS, created: OPTIONS.created + 1 })
  t.throws(() => requireNetwork(other, said), { code: 'ERR_OTHER_NETWORK' })
  for (const each of ['', said.slice(0, -1), 'g'.repeat(64), 'a'.repeat(65)])
    t.throws(() => networkDigits(each), { code: 'ERR_USAGE' }, each)
})
