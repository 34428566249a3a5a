import { signSession, type ErrorValues, type Signer } from '@vitalchain/core'
import type { Contract } from '@vitalchain/contracts'
import type { Test } from 'tap'
import { createHttpApi, type HttpApi } from '../../src/http/index.ts'
import { unitFormat, type Unit } from '../../src/pool/unit.ts'
import type { LedgerNode } from '../../src/types.ts'
import type { FoundedNetwork } from '../../src/testing/found-network.ts'
import { createTestNetwork } from '../../src/testing/test-network.ts'
import { TestDevice, testNetwork, testSigner, type SignedReading } from '../ledger/fixture.ts'

/** The operator's token of every node of a test. */
export const TOKEN: string = 'operator-token-for-tests-0123456789abcdef'

/** The header that shows a token. */
export function bearer(token: string = TOKEN): { readonly authorization: string } {
  return { authorization: `Bearer ${token}` }
}

/** A node with its HTTP API, which does not listen: tests inject. */
export interface Member {
  readonly node: LedgerNode
  readonly api: HttpApi
}

/** A network whose every node has an HTTP API. Everything stops with the test. */
export interface Service {
  readonly members: readonly Member[]
  readonly first: Member
  /** The genesis with everybody's secret keys. */
  readonly founded: FoundedNetwork
  /** What all nodes and APIs logged, each as one line. */
  readonly logged: readonly string[]
  /** A device with keys made of its name; registered unless it shall not be. */
  device(name: string, options?: { readonly register?: boolean }): Promise<TestDevice>
}

/** Starts a network; 4 hospitals unless a test needs only one ledger to read from. */
export async function startService(
  t: Test,
  validators: number = 4,
  contracts?: readonly Contract[]
): Promise<Service> {
  const logged: string[] = []
  const log = (event: string, values: ErrorValues): void => {
    logged.push(`${event} ${JSON.stringify(values)}`)
  }
  const network = await createTestNetwork({
    validators,
    log: (_node, ...line) => log(...line),
    ...(contracts === undefined ? {} : { contracts })
  })
  const members = network.nodes.map(node => ({
    node,
    api: createHttpApi({ node, token: TOKEN, log })
  }))
  t.teardown(async () => {
    await Promise.all(members.map(({ api }) => api.close()))
    await network.stop()
  })
  const first = members[0]!
  return {
    members,
    first,
    founded: network.founded,
    logged,
    async device(name, { register = true } = {}) {
      const device = new TestDevice({ ...testNetwork(), id: first.node.network }, name)
      const { publicKey } = device
      if (register)
        await first.node.registerDevice({ publicKey, model: 'Monitor', firmware: undefined })
      return device
    }
  }
}

/** The unit of a signed reading. */
export function unitOf({ candidate, payload }: SignedReading): Unit {
  return { transaction: candidate.bytes, payload }
}

/** What a test looks at of an answer. */
export interface Answer {
  readonly status: number
  readonly type: string
  readonly headers: Readonly<Record<string, unknown>>
  readonly bytes: Uint8Array
  json(): Record<string, unknown>
}

/** Asks without a socket. */
export async function ask(
  { app }: HttpApi,
  method: 'GET' | 'POST',
  url: string,
  { headers = {}, body }: { headers?: Record<string, string>; body?: Uint8Array } = {}
): Promise<Answer> {
  const answer = await app.inject({
    method,
    url,
    headers,
    ...(body === undefined ? {} : { payload: Buffer.from(body) })
  })
  return {
    status: answer.statusCode,
    type: String(answer.headers['content-type']),
    headers: answer.headers,
    bytes: new Uint8Array(answer.rawPayload),
    json: () => answer.json()
  }
}

/** Hands bytes over as a transaction. */
export function post(
  api: HttpApi,
  body: Uint8Array,
  headers: Record<string, string> = {}
): Promise<Answer> {
  return ask(api, 'POST', '/v1/transactions', {
    headers: { 'content-type': 'application/cbor', ...headers },
    body
  })
}

/** Hands a reading over and waits until every node has committed it. */
export async function commit(service: Service, reading: SignedReading): Promise<Uint8Array> {
  const { id } = reading.candidate.transaction
  const answer = await post(service.first.api, unitFormat.encode(unitOf(reading)))
  if (answer.status !== 202) throw new Error(`refused: ${JSON.stringify(answer.json())}`)
  await Promise.all(service.members.map(({ node }) => node.committed(id)))
  return id
}

/** Opens a session of a device over HTTP. */
export async function openSession(
  { api, node }: Member,
  device: TestDevice,
  signer: Signer
): Promise<Answer> {
  const offered = (await ask(api, 'POST', '/v1/challenges')).json()
  const session = await signSession(signer, {
    network: node.network,
    device: device.id,
    challenge: Uint8Array.from(Buffer.from(String(offered['challenge']), 'hex')),
    node: node.transportKey
  })
  return postSession(api, session)
}

/** Hands a signed session over. */
export function postSession(api: HttpApi, session: Uint8Array): Promise<Answer> {
  return ask(api, 'POST', '/v1/sessions', {
    headers: { 'content-type': 'application/cose' },
    body: session
  })
}

/** The token of a device, by a session of its own. */
export async function deviceToken(
  member: Member,
  device: TestDevice,
  name: string
): Promise<string> {
  return String((await openSession(member, device, testSigner(name))).json()['token'])
}
