import type { ClientOptions } from './client.ts'
import type { components } from './schema.ts'

/** How long to wait before the first attempt to connect again, and at most, ms. Each wait is twice the one before. */
const RETRY_MIN_MS = 250
const RETRY_MAX_MS = 30_000

/** How long a stream may be silent, ms: a node says something every 15 s. */
const SILENCE_MS = 45_000

/** Characters of one event that is not complete: about 1 000 are used. */
const EVENT_CHARACTERS_MAX = 65_536

/** A committed transaction, with the cursor to go on behind it. */
export interface StreamedEvent {
  /** `height.index`. Who stores the last one that it dealt with misses nothing and gets nothing twice. */
  readonly id: string
  readonly data: components['schemas']['Transaction']
}

/** What {@link streamEvents} takes. */
export interface EventsOptions extends ClientOptions {
  /** The last event that was dealt with; `latest` for only those to come. Default: from the first. */
  readonly from?: string
  /** Types of transactions or statements, such as `readings`. */
  readonly kinds?: readonly string[]
  readonly device?: string
  readonly member?: string
  readonly stream?: string
  /** Ends the iteration, without an error. */
  readonly signal?: AbortSignal
  /** Told of each connection that ended, before the next attempt. */
  readonly onRetry?: (error: unknown) => void
}

/** A refusal that does not go away by itself. */
export class EventsRefusedError extends Error {
  /** The stable code of the refusal. */
  readonly code: string

  constructor(code: string, message: string) {
    super(message)
    this.name = 'EventsRefusedError'
    this.code = code
  }
}

/**
 * Every committed transaction in order, then each new one. When the connection ends, or says nothing any more, it connects again
 * and goes on behind the last event, for as long as it takes.
 *
 * @throws EventsRefusedError when the node refuses what is asked for
 */
export async function* streamEvents(
  options: EventsOptions
): AsyncGenerator<StreamedEvent, void, undefined> {
  const { from, signal, onRetry } = options
  let last = from
  let wait = RETRY_MIN_MS
  while (!isAborted(signal)) {
    try {
      for await (const { id, data } of connect(options, last)) {
        last = id
        wait = RETRY_MIN_MS
        if (data !== undefined) yield { id, data }
      }
      onRetry?.(new Error('the stream ended'))
    } catch (error) {
      if (error instanceof EventsRefusedError) throw error
      if (isAborted(signal)) return
      onRetry?.(error)
    }
    await pause(wait, signal)
    wait = Math.min(2 * wait, RETRY_MAX_MS)
  }
}

/** Asked again after an await, when the compiler still believes what it was before. */
function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true
}

/** The events of one connection. An `id` alone says how far a filtered stream has come. */
async function* connect(
  { url, token, fetch: ask = fetch, kinds, device, member, stream, signal }: EventsOptions,
  from: string | undefined
): AsyncGenerator<{ id: string; data: StreamedEvent['data'] | undefined }> {
  const asked = new URL('/v1/events', url)
  const query = { from, kind: kinds?.join(','), device, member, stream }
  for (const [name, value] of Object.entries(query))
    if (value !== undefined) asked.searchParams.set(name, value)
  const silent = new AbortController()
  const request = new Request(asked, {
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    signal: signal === undefined ? silent.signal : AbortSignal.any([signal, silent.signal])
  })
  try {
    const response = await inTime(ask(request), silent)
    if (!response.ok) throw await refusal(response)
    const body: ReadableStream<Uint8Array> | null = response.body
    const reader = body?.getReader()
    const decoder = new TextDecoder()
    let text = ''
    for (;;) {
      // Only while the node is to speak: how long the caller takes for an event is its own affair.
      const chunk = await inTime(reader?.read(), silent)
      if (chunk === undefined || chunk.done) return
      text += decoder.decode(chunk.value, { stream: true })
      const parts = text.split('\n\n')
      text = parts.pop() ?? ''
      if (text.length > EVENT_CHARACTERS_MAX) throw new Error('an event has no end')
      for (const part of parts) {
        const event = parseEvent(part)
        if (event !== undefined) yield event
      }
    }
  } finally {
    silent.abort()
  }
}

/** Waits for the node, which is cut off when it says nothing for too long. */
async function inTime<T>(work: T, silent: AbortController): Promise<Awaited<T>> {
  const timer = setTimeout(() => silent.abort(), SILENCE_MS)
  try {
    return await work
  } finally {
    clearTimeout(timer)
  }
}

/** One event of WHATWG HTML section 9.2, as the node writes them; undefined for a comment. */
function parseEvent(
  text: string
): { id: string; data: StreamedEvent['data'] | undefined } | undefined {
  const fields = new Map(
    text.split('\n').map(line => {
      const [name = '', value = ''] = line.split(/: (.*)/s)
      return [name, value]
    })
  )
  const [id, data] = [fields.get('id'), fields.get('data')]
  if (id === undefined) return undefined
  const event: unknown = data === undefined ? undefined : JSON.parse(data)
  return { id, data: isTransaction(event) ? event : undefined }
}

/** Whether it is what the node says that it is; the rest of it is the node's word. */
function isTransaction(value: unknown): value is StreamedEvent['data'] {
  return typeof value === 'object' && value !== null && 'height' in value && 'id' in value
}

/** What a refusal becomes: an error that ends the stream, or one after which it tries again. */
async function refusal(response: Response): Promise<Error> {
  const problem: unknown = await response.json().catch(() => undefined)
  const { code, detail, retryable } = isRecord(problem) ? problem : {}
  const message = `${response.status} ${String(code)}: ${String(detail)}`
  // Without a problem it was no node that answered, but a proxy whose node is away.
  return typeof code !== 'string' || retryable === true
    ? new Error(message)
    : new EventsRefusedError(code, message)
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}

function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise(resolve => {
    const end = (): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, ms)
    signal?.addEventListener('abort', end)
    if (signal?.aborted === true) end()
  })
}
