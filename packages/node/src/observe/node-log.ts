import type { ErrorValues } from '@vitalchain/core'
import { pino, type Logger } from 'pino'
import { levelOf, type LogLevel } from './log-events.ts'

/** What a log line holds in place of what must not be in it. */
const HIDDEN = '[hidden]'

/**
 * Names under which a secret could stand. The node logs none of these; a mistake, or a dependency, must not put one on a disk
 * that others read.
 */
const SECRET_NAMES = [
  'authorization',
  'cookie',
  'passphrase',
  'password',
  'payload',
  'privateKey',
  'secret',
  'seed',
  'token'
]

/** A token as HTTP carries it, wherever it stands in a text. */
const BEARER = /\bBearer +[A-Za-z0-9\-._~+/]+=*/gi

/** The log of a node's process: one JSON object a line, with `level`, `time` (ISO 8601, UTC), `event` and its values. */
export interface NodeLog {
  /** To be given to the node: the level is that of the event. */
  readonly log: (event: string, values: ErrorValues) => void
  /** Events below it are not written. */
  readonly level: LogLevel
  /** Changes that from now on. */
  setLevel(level: LogLevel): void
}

/**
 * Makes the {@link NodeLog} of a process.
 *
 * @param write - takes each line, without its end
 */
export function createNodeLog(level: LogLevel, write: (line: string) => void): NodeLog {
  let current = level
  const logger: Logger = pino(
    {
      level,
      // Neither the host's name nor the process: the journal and the container's log know them.
      base: null,
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: label => ({ level: label }) },
      redact: { paths: SECRET_NAMES, censor: HIDDEN }
    },
    { write: line => write(line.trimEnd()) }
  )
  return {
    log(event, values) {
      logger[levelOf(event, values)]({ event, ...withoutTokens(values) })
    },
    get level() {
      return current
    },
    setLevel(next) {
      current = next
      logger.level = next
    }
  }
}

function withoutTokens(values: ErrorValues): ErrorValues {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [
      name,
      typeof value === 'string' ? value.replaceAll(BEARER, `Bearer ${HIDDEN}`) : value
    ])
  )
}
