import type { ErrorValues } from '@vitalchain/core'

/** How much something in the log matters, from the most to the least. */
export type LogLevel = 'error' | 'warn' | 'info' | 'debug' | 'trace'

/** All levels, from the most to the least. */
export const LOG_LEVELS: readonly LogLevel[] = ['error', 'warn', 'info', 'debug', 'trace']

/**
 * The level of each event that a node logs. `error`: this node stops, lost something, or works against the rules. `warn`:
 * somebody should look. `info`: it happens in a healthy network, now and then. `debug`: it happens often.
 */
const LEVELS: Readonly<Record<string, LogLevel>> = {
  // The process
  ready: 'info',
  drains: 'info',
  drained: 'info',
  'drain cut short': 'warn',
  'closing cut short': 'error',
  'log level': 'info',
  'supervisor not told': 'warn',
  'node stops': 'error',
  'node not stopped cleanly': 'error',
  'http request failed': 'error',
  'event stream ended': 'debug',
  'no such setting: ignored': 'warn',
  'catching up': 'info',
  'caught up': 'info',
  // Of a diagnosis; the level follows what was found.
  diagnosis: 'info',
  finding: 'info',
  'diagnosis failed': 'warn',
  // Consensus
  // Only where it was asked for.
  'height timing': 'info',
  'view change': 'info',
  'message rejected': 'debug',
  'leader proposed an invalid block': 'warn',
  'validator broke the rules': 'error',
  'evidence not admitted': 'warn',
  'a new vote state begins': 'info',
  'a vote of this key is missing here: this node follows and does not vote': 'warn',
  'votes of this key are missing': 'warn',
  'votes of this key are missing: this node follows and does not vote': 'warn',
  'this node does not vote: too few others tell what they heard from it': 'warn',
  'this node votes again at a later height': 'info',
  'this node votes again': 'info',
  'the override waits for a block': 'warn',
  'the override is on the chain': 'warn',
  'override not handed over': 'warn',
  'override not noted': 'warn',
  'malformed message': 'warn',
  // Keys and signers
  'consensus key destroyed: it is out of force': 'warn',
  'consensus key out of force but not destroyed': 'error',
  'signer connected': 'info',
  'signer lost': 'warn',
  'signer not reached': 'warn',
  'node connected': 'info',
  'node cut off': 'warn',
  'node gone': 'info',
  refused: 'warn',
  // Network
  'link-up': 'info',
  'link-down': 'info',
  'link-failed': 'debug',
  'link-in-lost': 'debug',
  'bootstrap-failed': 'warn',
  'peer-banned': 'warn',
  'gossip-mended': 'info',
  'gossip-handler-failed': 'error',
  'message-handler-failed': 'error',
  'request-handler-failed': 'error',
  'housekeeping-failed': 'error',
  'request-asker-lost': 'debug',
  'session-failed': 'debug',
  // The pool, catch-up and repair
  'offer failed': 'debug',
  'gossip failed': 'debug',
  'payload not discarded': 'warn',
  'asking for blocks failed': 'debug',
  'catch-up from a member failed': 'info',
  'member did not help': 'debug',
  'payload repair failed': 'warn',
  'payload repair from a member failed': 'debug',
  'damage found': 'error',
  'damage healed': 'warn',
  'damage not healed': 'error',
  // Checkpoints
  'a validator signed a checkpoint of another history': 'error',
  'this checkpoint key signed a larger tree than its record says': 'error',
  'the record of the checkpoint key is damaged': 'error',
  'kept checkpoint shares not read': 'warn',
  'checkpoint not signed': 'warn',
  'checkpoint share not judged': 'warn',
  'checkpoint share not sent': 'debug',
  'checkpoint shares not kept': 'warn',
  'checkpoints of a member not read': 'debug',
  // Backup and TLS
  'restore not noted': 'error',
  'device ahead of the restored ledger': 'warn',
  'tls certificate renewed': 'info',
  'tls certificate not renewed': 'error',
  // Devices
  'device session ended': 'debug',
  'receipt not sent': 'debug',
  'no time of a member': 'debug',
  'mqtt connected': 'info',
  'mqtt connection failed': 'warn',
  'mqtt refused': 'warn'
}

/** The level of what is found by a diagnosis, by its severity. */
const SEVERITIES: Readonly<Record<string, LogLevel>> = {
  critical: 'error',
  warning: 'warn',
  note: 'info'
}

/** The level of an event. One that this table does not know matters enough to be seen. */
export function levelOf(event: string, values: ErrorValues = {}): LogLevel {
  if (event === 'finding') return SEVERITIES[String(values['severity'])] ?? 'info'
  if (event === 'diagnosis' && String(values['healthy']) === 'false') return 'warn'
  return Object.hasOwn(LEVELS, event) ? (LEVELS[event] ?? 'info') : 'info'
}

/** The names of all events in the table. */
export const LOG_EVENTS: readonly string[] = Object.keys(LEVELS)

/** The level of this name; `info` for none. */
export function toLogLevel(text: string): LogLevel {
  return LOG_LEVELS.find(level => level === text) ?? 'info'
}
