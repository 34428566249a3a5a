// Asks one node for its status and for receipts, in turns, at a steady rate, whatever the answers take. Its input is one JSON
// object, its output another. For tools/bench-api.ts.
import { Agent, request } from 'node:http'
import { text } from 'node:stream/consumers'
import { percentile, round } from './steady-network.ts'

/** How often it is looked how many requests are due, ms. */
const TICK_MS = 2

/** Connections: as many clients. */
const CONNECTIONS = 64

interface Job {
  readonly url: string
  readonly token: string
  readonly rate: number
  readonly seconds: number
  readonly ids: readonly string[]
}

const { url, token, rate, seconds, ids } = JSON.parse(await text(process.stdin)) as Job
const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS })
const headers = { authorization: `Bearer ${token}` }
const times: Record<'status' | 'receipt', number[]> = { status: [], receipt: [] }
let failed = 0

/** One request; its time runs from when it was due. */
function ask(k: number, due: number): Promise<void> {
  const kind = k % 2 === 0 ? 'status' : 'receipt'
  const path = kind === 'status' ? '/v1/status' : `/v1/receipts/${ids[(k >> 1) % ids.length] ?? ''}`
  return new Promise(resolve => {
    const done = (ok: boolean): void => {
      if (ok) times[kind].push(performance.now() - due)
      else failed += 1
      resolve()
    }
    const asked = request(new URL(path, url), { agent, headers }, answer => {
      answer.resume()
      answer.on('end', () => done(answer.statusCode === 200))
      answer.on('error', () => done(false))
    })
    asked.on('error', () => done(false))
    asked.end()
  })
}

const begin = performance.now()
const asked: Promise<void>[] = []
const total = rate * seconds
await new Promise<void>(resolve => {
  const timer = setInterval(() => {
    const due = Math.min(total, Math.floor(((performance.now() - begin) / 1_000) * rate))
    while (asked.length < due) asked.push(ask(asked.length, begin + (asked.length * 1_000) / rate))
    if (asked.length < total) return
    clearInterval(timer)
    resolve()
  }, TICK_MS)
})
await Promise.all(asked)
agent.destroy()
const all = [...times.status, ...times.receipt]
process.stdout.write(
  `${JSON.stringify({
    requests: total,
    failed,
    perSecond: round(all.length / ((performance.now() - begin) / 1_000)),
    p50: percentile(all, 0.5),
    p99: percentile(all, 0.99),
    statusP99: percentile(times.status, 0.99),
    receiptP99: percentile(times.receipt, 0.99)
  })}\n`
)
