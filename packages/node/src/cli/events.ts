import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import { setTimeout as pause } from 'node:timers/promises'
import { isVitalchainError, type VitalchainError } from '@vitalchain/core'
import { openStream } from '../dev/node-api.ts'
import { EXIT, printable, type CliIo } from './io.ts'
import { parseJson, type JsonReader } from './json-file.ts'
import { short } from './member-text.ts'
import { ownUrl, type NodeFlags } from './own-node.ts'
import { isoTime } from './proven-text.ts'

/** How long is waited until a node that went away is asked again, ms. */
const AGAIN_MS = 1_000

/** What `vitalchain events` was asked for. */
export interface EventsFlags extends Pick<NodeFlags, 'dataDir' | 'url' | 'json'> {
  /** The last event that was dealt with; `latest` for only those to come. */
  readonly from: string
  /** How many events; without it, until it is told to end. */
  readonly count?: number
  /** Types of transactions or statements, with commas between. */
  readonly kind?: string
  readonly device?: string
  readonly member?: string
}

/** One event as it came. */
interface Event {
  /** Where it stands: `height.index`. Empty for a mere sign of life. */
  readonly cursor: string
  readonly data: string
}

/**
 * Writes committed transactions, a line each, and goes on behind the last one when the node comes back.
 *
 * @throws VitalchainError `ERR_UNREACHABLE` when the node does not run at all, or what it answers, such as `ERR_CURSOR`
 */
export async function eventsCommand(flags: EventsFlags, io: CliIo): Promise<number> {
  const { url, token } = await ownUrl(flags)
  const { count = Infinity, from, kind, device, member } = flags
  let cursor = from
  let written = 0
  let wasThere = false
  let isAway = false
  while (written < count && !io.stop.aborted) {
    try {
      const query = new URLSearchParams(
        Object.entries({ from: cursor, kind, device, member }).filter(
          (each): each is [string, string] => each[1] !== undefined
        )
      )
      const body = await openStream(url, token, `/v1/events?${query.toString()}`, io.stop)
      if (isAway) io.err('the node is back')
      wasThere = true
      isAway = false
      for await (const event of readEvents(body)) {
        if (event.cursor !== '') cursor = event.cursor
        if (event.data === '') continue
        io.out(flags.json ? jsonLine(event) : textLine(event))
        written++
        if (written >= count) return EXIT.ok
      }
    } catch (error) {
      if (io.stop.aborted) return EXIT.ok
      if (!wasThere || !mayComeBack(error)) throw error
    }
    if (!isAway) io.err('the node went away: asking again each second')
    isAway = true
    await pause(AGAIN_MS, undefined, { signal: io.stop }).catch(() => undefined)
  }
  return EXIT.ok
}

/** A stream that breaks off is an error of another kind than a refusal. */
function mayComeBack(error: unknown): boolean {
  if (!isVitalchainError(error)) return true
  const { code, retryable }: VitalchainError = error
  return code === 'ERR_UNREACHABLE' || retryable
}

/** Server-sent events (WHATWG HTML section 9.2) in the form in which a node writes them: each field on one line. */
async function* readEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<Event> {
  const source = Readable.from(chunksOf(body))
  const lines = createInterface({ input: source, crlfDelay: Infinity })
  let cursor = ''
  let data = ''
  try {
    for await (const line of lines) {
      if (line === '') {
        if (cursor !== '' || data !== '') yield { cursor, data }
        cursor = ''
        data = ''
      } else if (line.startsWith('id: ')) cursor = line.slice(4)
      else if (line.startsWith('data: ')) data = line.slice(6)
    }
  } finally {
    lines.close()
    source.destroy()
  }
}

async function* chunksOf(body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const chunk of body) yield chunk
}

function jsonLine({ cursor, data }: Event): string {
  return `{"cursor":${JSON.stringify(cursor)},${data.slice(data.indexOf('{') + 1)}`
}

function textLine({ cursor, data }: Event): string {
  const event = parseJson(data, 'event')
  return `${cursor.padEnd(10)}  ${isoTime(event.field('time').integer())}  ${what(event)}`
}

function what(event: JsonReader): string {
  const type = event.field('type').text()
  const id = short(event.field('id').text())
  const device = event.optional('device')?.text()
  if (type === 'call')
    return `${id}  call ${printable(event.field('method').text())} by ${short(event.field('author').text())}`
  if (device === undefined) return `${id}  ${type}`
  const lane = event.field('lane').integer()
  const place = `${event.field('boot').integer()}.${event.field('seq').integer()}`
  const count = event.optional('count')?.integer()
  const kind = event.optional('statement')?.text() ?? type
  return `${id}  ${kind} of ${short(device)} lane ${lane} at ${place}${count === undefined ? '' : `, ${count}`}`
}
