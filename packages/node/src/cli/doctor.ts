import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isVitalchainError, VitalchainError } from '@vitalchain/core'
import { loadConfig, type FlagValues } from '../config/load-config.ts'
import { diagnose } from '../diagnosis/diagnose.ts'
import type { Diagnosis } from '../diagnosis/types.ts'
import { observeDirectory } from './doctor-directory.ts'
import { diagnosisLines } from './doctor-text.ts'
import { EXIT, type CliIo } from './io.ts'
import { TOKEN_FILE } from './node-dir.ts'

/** How long the node may take, ms: it tries the addresses of members that are missing. */
const ANSWER_MS = 20_000

/** What `vitalchain doctor` was asked for. */
export interface DoctorOptions {
  /** The directory of the node, which need not run. */
  readonly dataDir?: string
  /** The file of settings, when it is not in the directory. */
  readonly config?: string
  /** Settings that flags say. */
  readonly settings?: FlagValues
  /** Where the HTTP API of a node is, when the settings do not say. */
  readonly url?: string
  /** A file with a token for that API: of the operator, a reader or a monitor. */
  readonly tokenFile?: string
  readonly json: boolean
}

/**
 * Says what is wrong with a node and what to do: asks the node if it answers, and otherwise looks at its directory.
 *
 * @returns 0 when nobody has to act, otherwise 1
 * @throws VitalchainError `ERR_USAGE`, `ERR_FILE`, `ERR_UNREACHABLE` for a URL where no node answers
 */
export async function doctorCommand(options: DoctorOptions, io: CliIo): Promise<number> {
  const diagnosis = await ask(options, io)
  for (const line of options.json ? [JSON.stringify(diagnosis)] : diagnosisLines(diagnosis))
    io.out(line)
  return diagnosis.healthy ? EXIT.ok : EXIT.failed
}

async function ask(options: DoctorOptions, { stop }: CliIo): Promise<Diagnosis> {
  const { dataDir, url, tokenFile, config, settings = new Map<string, unknown>() } = options
  if (dataDir === undefined) {
    if (url === undefined || tokenFile === undefined)
      throw new VitalchainError(
        'ERR_USAGE',
        'say --data-dir, or --url and --token-file of a node elsewhere'
      )
    const answer = await askNode(url, await tokenOf(tokenFile), stop)
    if (isDiagnosis(answer)) return answer
    throw answer
  }
  const token = await tokenOf(tokenFile ?? join(dataDir, TOKEN_FILE)).catch(() => undefined)
  const places = url === undefined ? await placesOf(dataDir, { config, settings }) : [url]
  for (const place of places) {
    // A node that never started made no token.
    if (token === undefined) break
    const answer = await askNode(place, token, stop)
    if (isDiagnosis(answer)) return answer
    if (url !== undefined) throw answer
  }
  return diagnose(await observeDirectory(dataDir, { config, flags: settings }, stop))
}

/** Where the node would answer: at its API, or at its administration. Nowhere when its settings are wrong, or leave it open. */
async function placesOf(
  dataDir: string,
  { config, settings }: { readonly config: string | undefined; readonly settings: FlagValues }
): Promise<readonly string[]> {
  try {
    const loaded = await loadConfig({ dataDir, file: config, flags: settings })
    const { http, admin } = loaded.config
    const scheme = http.tlsCert === undefined ? 'http' : 'https'
    return [http, admin]
      .filter(({ port }) => port !== 0)
      .map(({ host, port }) => `${scheme}://${nameOf(host)}:${port}`)
  } catch (error) {
    // The look at the directory says what is wrong with them.
    if (isVitalchainError(error)) return []
    throw error
  }
}

/** How a listener's host is written in a URL; one that listens everywhere is asked on loopback. */
function nameOf(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1'
  if (host === '::') return '[::1]'
  return host.includes(':') ? `[${host}]` : host
}

async function tokenOf(file: string): Promise<string> {
  try {
    return (await readFile(file, 'utf8')).trim()
  } catch (cause) {
    throw new VitalchainError('ERR_FILE', `cannot read the token in ${file}`, { cause })
  }
}

/** The node's own diagnosis, or why there is none. */
async function askNode(
  url: string,
  token: string,
  stop: AbortSignal
): Promise<Diagnosis | VitalchainError> {
  const place = new URL('/v1/diagnosis', url)
  try {
    const response = await fetch(place, {
      headers: { authorization: `Bearer ${token}` },
      signal: AbortSignal.any([stop, AbortSignal.timeout(ANSWER_MS)])
    })
    const body: unknown = await response.json()
    if (response.ok && isDiagnosis(body)) return body
    return new VitalchainError('ERR_UNREACHABLE', `${place.origin} answers and is no such node`, {
      values: { status: response.status },
      retryable: true
    })
  } catch (cause) {
    stop.throwIfAborted()
    return new VitalchainError('ERR_UNREACHABLE', `no node answers at ${place.origin}`, {
      cause,
      retryable: true
    })
  }
}

function isDiagnosis(value: unknown): value is Diagnosis {
  return (
    typeof value === 'object' &&
    value !== null &&
    'summary' in value &&
    'findings' in value &&
    Array.isArray(value.findings) &&
    'members' in value &&
    Array.isArray(value.members) &&
    'quorum' in value
  )
}
