import { VitalchainError } from '@vitalchain/core'
import { refusal } from '../dev/node-api.ts'
import { EXIT, type CliIo } from './io.ts'
import { parseJson } from './json-file.ts'
import { ownUrl, type NodeFlags } from './own-node.ts'

/** How long the node may take to answer, ms. */
const ANSWER_MS = 10_000

const PATH = '/v1/dashboard/codes'

/** What `vitalchain dashboard` takes. */
export interface DashboardFlags extends Pick<NodeFlags, 'dataDir' | 'url' | 'json'> {
  readonly role: string
}

/**
 * Shows the address of the own node's dashboard, with a code that signs in once.
 *
 * @returns the exit code
 * @throws VitalchainError `ERR_USAGE`, `ERR_UNREACHABLE`
 */
export async function dashboardCommand(
  { role, json, ...where }: DashboardFlags,
  io: CliIo
): Promise<number> {
  const { url, token } = await ownUrl(where)
  const response = await fetch(new URL(PATH, url), {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ role }),
    signal: AbortSignal.timeout(ANSWER_MS)
  }).catch((cause: unknown) => {
    throw new VitalchainError('ERR_UNREACHABLE', `nothing answers at ${url}`, {
      cause,
      retryable: true
    })
  })
  const text = await response.text()
  if (!response.ok) throw refusal(text, PATH)
  const made = parseJson(text, PATH)
  // Behind the #: a browser keeps it to itself.
  const address = `${new URL('/dashboard/', url).href}#code=${made.field('code').text()}`
  const expiresInMs = made.field('expiresInMs').integer()
  if (json) io.out(JSON.stringify({ url: address, role, expiresInMs }))
  else {
    io.out(address)
    io.err(`It signs in once, as ${role}, within ${Math.round(expiresInMs / 60_000)} minutes.`)
  }
  return EXIT.ok
}
