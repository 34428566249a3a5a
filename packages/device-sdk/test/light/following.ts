import type { Test } from 'tap'
import { createLightClient, type LightClient, type LightClientInit } from '../../src/light/index.ts'
import { virtualTimers } from '../virtual-timers.ts'
import type { FakeNetwork } from './fake-peers.ts'

/** A client of all peers of a network, stopped with the test. */
export function client(
  t: Pick<Test, 'teardown'>,
  network: FakeNetwork,
  init: Partial<LightClientInit> = {}
): LightClient {
  const made = createLightClient({
    genesis: network.peers[0]!.ledger.genesis,
    peers: network.addresses,
    fetch: network.fetch,
    timers: virtualTimers(t),
    random: bytes => new Uint8Array(bytes),
    ...init
  })
  t.teardown(() => made.stop())
  return made
}

/** Waits for the head of a height; every other one must be above the one before. */
export async function headAt(following: LightClient, height: number): Promise<void> {
  let last = 0
  for await (const { header } of following.heads()) {
    if (header.height <= last) throw new Error(`${header.height} after ${last}`)
    last = header.height
    if (last >= height) return
  }
  throw new Error('the heads ended')
}

/** Waits until what the client says of a peer is so. */
export async function untilPeer(
  following: LightClient,
  peer: number,
  is: (status: { readonly state: string; readonly code: string | undefined }) => boolean
): Promise<void> {
  for (let turn = 0; turn < 20_000; turn++) {
    if (is(following.status().peers[peer]!)) return
    await new Promise(resolve => setImmediate(resolve))
  }
  throw new Error(`it never came to that: ${JSON.stringify(following.status())}`)
}
