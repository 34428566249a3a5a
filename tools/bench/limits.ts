import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { createSigner, generateSecretKey, toHex, verifySignature } from '@vitalchain/core'
import { percentile } from '../../packages/node/src/dev/percentile.ts'
import { absentVoteFile } from '../../packages/node/src/consensus/vote-file.ts'
import { openStore } from '../../packages/node/src/store/store.ts'
import { createNetwork } from '../../packages/node/src/network/index.ts'
import { echoMembers } from './echo-members.ts'

/** What the machine can do at most, measured in the same run. All in ms but the first. */
export interface Limits {
  /** Ed25519 checks a second on one thread. */
  readonly checksPerSecond: number
  /** To write and sync {@link VOTE_BYTES} at the end of a file, back to back; p50 and p99. */
  readonly append: Spread
  /** The same into a slot of a vote file, as every vote is kept. */
  readonly slot: Spread
  /** The same with a pause before each, as at light load. */
  readonly slotAfterPause: Spread
  /** The same as one LevelDB write with `sync`, as every block is kept. */
  readonly level: Spread
  readonly levelAfterPause: Spread
  /** A message of {@link VOTE_BYTES} over a member link and back, between two processes; back to back. */
  readonly roundTrip: Spread
  readonly roundTripAfterPause: Spread
}

/** Median and 99th percentile. */
export interface Spread {
  readonly p50: number
  readonly p99: number
}

/** About the size of a vote state with one prepared block of a few transactions, bytes. */
const VOTE_BYTES = 1_500

const ROUNDS = 200

/** Between two operations when light load is imitated, ms. */
const PAUSE_MS = 25

export async function measureLimits(directory: string): Promise<Limits> {
  return {
    checksPerSecond: await signatureChecksPerSecond(),
    append: await appends(directory),
    ...(await slotWrites(directory)),
    ...(await levelWrites(directory)),
    ...(await roundTrips())
  }
}

async function signatureChecksPerSecond(): Promise<number> {
  const signer = createSigner('ed25519', generateSecretKey('ed25519'))
  const message = new Uint8Array(200)
  const signature = await signer.sign(message)
  const check = (times: number): void => {
    for (let k = 0; k < times; k++) verifySignature(signer.publicKey, message, signature)
  }
  check(500)
  const from = performance.now()
  check(4_000)
  return Math.round(4_000 / ((performance.now() - from) / 1_000))
}

async function appends(directory: string): Promise<Spread> {
  const file = await open(join(directory, 'append'), 'w')
  const bytes = new Uint8Array(VOTE_BYTES)
  const spread = await time(0, async () => {
    await file.write(bytes)
    await file.datasync()
  })
  await file.close()
  return spread
}

async function slotWrites(directory: string): Promise<Pick<Limits, 'slot' | 'slotAfterPause'>> {
  const file = absentVoteFile(join(directory, 'slots'), new Uint8Array(32))
  const record = new Uint8Array(VOTE_BYTES)
  await file.renew(record)
  const write = (): Promise<void> => file.write(record)
  const slot = await time(0, write)
  const slotAfterPause = await time(PAUSE_MS, write)
  await file.close()
  return { slot, slotAfterPause }
}

async function levelWrites(directory: string): Promise<Pick<Limits, 'level' | 'levelAfterPause'>> {
  const store = await openStore(join(directory, 'level'))
  const key = new Uint8Array(1)
  const value = new Uint8Array(VOTE_BYTES)
  const write = (): Promise<void> => store.write([{ table: 'state', key, value }])
  const level = await time(0, write)
  const levelAfterPause = await time(PAUSE_MS, write)
  await store.close()
  return { level, levelAfterPause }
}

async function roundTrips(): Promise<Pick<Limits, 'roundTrip' | 'roundTripAfterPause'>> {
  const seeds = [generateSecretKey('ed25519'), generateSecretKey('ed25519')] as const
  const script = fileURLToPath(new URL('./echo.ts', import.meta.url))
  const echo = spawn(
    process.execPath,
    ['--conditions=@vitalchain/source', script, toHex(seeds[0]), toHex(seeds[1])],
    { stdio: ['pipe', 'pipe', 'inherit'] }
  )
  const lines = createInterface({ input: echo.stdout })
  const [address] = (await once(lines, 'line')) as [string]
  const members = echoMembers(seeds, [[address]])
  const network = createNetwork({
    privateKey: seeds[1],
    networkId: new Uint8Array(32),
    listen: ['/ip4/127.0.0.1/tcp/0'],
    members: () => members
  })
  let heard: (() => void) | undefined
  network.onMessage(() => heard?.())
  const up = new Promise<void>(resolve => {
    network.onLinkUp(() => resolve())
  })
  await network.start()
  await up
  const peer = members[0]?.member ?? new Uint8Array(32)
  const message = new Uint8Array(VOTE_BYTES)
  const trip = (): Promise<void> =>
    new Promise(resolve => {
      heard = resolve
      network.send(peer, message)
    })
  // The echo's own link to us may not be up yet, and nothing waits for one that is down: asked until it answers.
  const asking = setInterval(() => network.send(peer, message), PAUSE_MS)
  await new Promise<void>(resolve => {
    heard = resolve
  })
  clearInterval(asking)
  await pause(10 * PAUSE_MS)
  await time(0, trip)
  const roundTrip = await time(0, trip)
  const roundTripAfterPause = await time(PAUSE_MS, trip)
  await network.stop()
  echo.stdin.end()
  await once(echo, 'exit')
  return { roundTrip, roundTripAfterPause }
}

async function time(pauseMs: number, run: () => Promise<void>): Promise<Spread> {
  const times: number[] = []
  for (let k = 0; k < ROUNDS; k++) {
    if (pauseMs > 0) await pause(pauseMs)
    const from = performance.now()
    await run()
    times.push(performance.now() - from)
  }
  return spreadOf(times)
}

/** @returns hundredths of ms */
export function spreadOf(times: readonly number[]): Spread {
  const at = (share: number): number => Math.round((percentile(times, share) ?? 0) * 100) / 100
  return { p50: at(0.5), p99: at(0.99) }
}
