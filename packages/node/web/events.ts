import { ask, Problem } from './api.ts'

/** An event of a stream. */
export interface ServerEvent {
  readonly id: string
  readonly data: string
}

/** How long to wait before a stream that ended is opened again, ms. */
const AGAIN_MS = 2_000

/** Characters of one event: transactions take about 500. */
const EVENT_CHARACTERS_MAX = 65_536

/** Told how a stream is. */
export interface StreamWatch {
  readonly onOpen: () => void
  /** It ended, and is opened again. */
  readonly onLost: () => void
}

/**
 * The events of a stream, read with the token in a header: the browser's own reader of event streams could only put it into
 * the address. A stream that ends is opened again behind the last event, for as long as it takes.
 *
 * @throws Problem when the node refuses, and will not think otherwise
 */
export async function* events(
  path: string,
  signal: AbortSignal,
  { onOpen, onLost }: StreamWatch
): AsyncGenerator<ServerEvent, void, undefined> {
  let last: string | undefined
  while (!signal.aborted) {
    try {
      const response = await ask(path, {
        signal,
        headers: last === undefined ? {} : { 'last-event-id': last }
      })
      if (response.body === null) return
      onOpen()
      for await (const event of parse(response.body)) {
        if (event.id !== '') last = event.id
        yield event
      }
    } catch (error) {
      if (signal.aborted) return
      if (!isPassing(error)) throw error
    }
    onLost()
    await new Promise(resolve => setTimeout(resolve, AGAIN_MS))
  }
}

/** Whether a failure passes: nothing answers, the line broke, or the node is busy. */
function isPassing(error: unknown): boolean {
  if (error instanceof Problem)
    return error.status === 0 || error.status === 429 || error.status === 503
  return error instanceof TypeError
}

async function* parse(body: ReadableStream<Uint8Array>): AsyncGenerator<ServerEvent> {
  const reader = body.getReader()
  const decoder = new TextDecoder()
  let text = ''
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      text += decoder.decode(value, { stream: true })
      const whole = text.split('\n\n')
      text = whole.pop() ?? ''
      if (text.length > EVENT_CHARACTERS_MAX) throw new Error('an event of the node is too long')
      for (const each of whole) {
        const event = parseEvent(each)
        if (event !== undefined) yield event
      }
    }
  } finally {
    await reader.cancel().catch(() => undefined)
  }
}

/** WHATWG HTML section 9.2.6; undefined for a comment that keeps the line alive. */
function parseEvent(text: string): ServerEvent | undefined {
  let id = ''
  const data: string[] = []
  for (const line of text.split('\n')) {
    const [, field, value = ''] = /^([^:]+): ?(.*)$/.exec(line) ?? []
    if (field === 'id') id = value
    if (field === 'data') data.push(value)
  }
  return data.length === 0 ? undefined : { id, data: data.join('\n') }
}
