import { Delivery, type DeliveryInit } from './delivery.ts'
import { HeardHeads } from './heard-heads.ts'
import { BACKOFF_MAX_MS, BACKOFF_MIN_MS } from './limits.ts'
import { asSessionError } from './node-session.ts'
import { Patience } from './patience.ts'
import { pause } from './timers.ts'
import type { DeviceTransport } from './transport.ts'

/**
 * Keeps a device connected: one connection at a time, each over the next transport in turn, with growing waits while
 * nothing is proved. Resolves when the signal is aborted or every lane is stopped; never rejects.
 */
export async function keepConnected(
  transports: readonly DeviceTransport[],
  init: Omit<DeliveryInit, 'patience' | 'heard'> & {
    readonly random: (bytes: number) => Uint8Array
    /** How many nodes are asked where a lane stands whose outbox was lost. */
    readonly nodesMin: number
  },
  signal: AbortSignal
): Promise<void> {
  const { timers, lanes, events, random } = init
  const patience = new Patience()
  const heard = new HeardHeads(init.nodesMin)
  let failures = 0
  for (let turn = 0; !signal.aborted; turn++) {
    const transport = transports[turn % transports.length]
    if (transport === undefined || lanes.every(lane => lane.failure !== undefined)) return
    const delivery = new Delivery({ ...init, patience, heard })
    const started = timers.elapsed()
    try {
      await delivery.run(transport, signal)
    } catch (error) {
      events.emit({ type: 'disconnected', transport: transport.name, error: asSessionError(error) })
    }
    // A device with nothing to send proves nothing, yet a long connection was a good one.
    const good = delivery.proved > 0 || timers.elapsed() - started >= BACKOFF_MAX_MS
    failures = good ? 0 : failures + 1
    await pause(timers, backoff(failures, random), signal)
  }
}

/** From half of to all of a doubling wait, so that a ward full of devices does not come back in one moment. */
export function backoff(failures: number, random: (bytes: number) => Uint8Array): number {
  // 2^16 times the first wait is beyond the longest one, so a larger exponent changes nothing.
  const wait = Math.min(BACKOFF_MIN_MS * 2 ** Math.min(failures, 16), BACKOFF_MAX_MS)
  return wait * (0.5 + (random(1)[0] ?? 0) / 512)
}
