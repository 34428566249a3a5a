// What a round of votes costs over direct links and over gossip, with nothing else: no signatures, no disk.
//   npm run bench:transport                 n = 4, 7 and 16
//   npm run bench:transport -- 4 10         these sizes
// All hosts run in this process and speak real libp2p over loopback; a round is PROPOSAL, PREPARE by all, COMMIT by all,
// and ends when every host has a quorum's COMMITs. Compare the rows, not the numbers.
import { channel } from 'node:diagnostics_channel'
import type { Socket } from 'node:net'
import { createHash, randomBytes } from 'node:crypto'
import { cpus } from 'node:os'
import { encodeMessage } from '@vitalchain/consensus'
import { quorum } from '@vitalchain/core'
import {
  createNetwork,
  transportPublicKey,
  type MemberPeer,
  type Network
} from '../packages/node/src/network/index.ts'

/** Transactions named by a proposal: a busy block of a small network. */
const TRANSACTIONS = 100

/** Bytes of a proposal beside its transaction hashes and certificate: header and signature. */
const PROPOSAL_HEAD_BYTES = 600

const SIGNATURE_BYTES = 64
const HASH_BYTES = 32
const WARM_UP_ROUNDS = 20
const ROUNDS = 200

type Carrier = 'direct' | 'gossip'
type Step = 'proposal' | 'prepare' | 'commit'
const STEPS: readonly Step[] = ['proposal', 'prepare', 'commit']

interface Row {
  readonly n: number
  readonly carrier: Carrier
  readonly p50: number
  readonly p99: number
  /** CPU time of one host for one round, ms. */
  readonly cpu: number
  /** Bytes that one host sent in one round, everything on the wire included. */
  readonly bytes: number
}

/** All connections are made by some host of this process, so its sockets carry all the traffic. */
const sockets = new Set<Socket>()
channel('net.client.socket').subscribe(message => {
  if (isSocketMessage(message)) sockets.add(message.socket)
})

function isSocketMessage(message: unknown): message is { readonly socket: Socket } {
  return typeof message === 'object' && message !== null && 'socket' in message
}

function bytesOnTheWire(): number {
  let sum = 0
  for (const { bytesRead, bytesWritten } of sockets) sum += bytesRead + bytesWritten
  return sum
}

/** A message of the length of a real one, which says what it is in its first bytes. */
function makeMessage(step: Step, round: number, sender: number, n: number): Uint8Array {
  const length =
    step === 'proposal'
      ? PROPOSAL_HEAD_BYTES + TRANSACTIONS * HASH_BYTES + quorum(n) * SIGNATURE_BYTES
      : voteBytes
  const bytes = new Uint8Array(randomBytes(length))
  const view = new DataView(bytes.buffer)
  view.setUint8(0, STEPS.indexOf(step))
  view.setUint32(1, round)
  view.setUint8(5, sender)
  return bytes
}

const voteBytes = encodeMessage({
  type: 'prepare',
  height: 1_000_000,
  view: 0,
  sender: 1,
  blockHash: new Uint8Array(HASH_BYTES),
  signature: new Uint8Array(SIGNATURE_BYTES)
}).length

/** One host's part in the rounds. */
class Voter {
  readonly #index: number
  readonly #n: number
  readonly #say: (bytes: Uint8Array) => void
  readonly #onDecided: () => void
  #round = -1
  #prepares = 0
  #commits = 0
  /** Messages of the next round: somebody may be there first. */
  #early: [Step, number][] = []

  constructor(index: number, n: number, say: (bytes: Uint8Array) => void, onDecided: () => void) {
    this.#index = index
    this.#n = n
    this.#say = say
    this.#onDecided = onDecided
  }

  begin(round: number): void {
    this.#round = round
    this.#prepares = 0
    this.#commits = 0
    if (round % this.#n === this.#index) {
      this.#tell('proposal')
      this.#tell('prepare')
    }
    const early = this.#early
    this.#early = []
    for (const [step, at] of early) this.hear(step, at)
  }

  hear(step: Step, round: number): void {
    if (round > this.#round) {
      this.#early.push([step, round])
      return
    }
    if (round < this.#round) return
    if (step === 'proposal') this.#tell('prepare')
    else if (step === 'prepare') this.#prepare()
    else this.#commit()
  }

  #tell(step: Step): void {
    this.#say(makeMessage(step, this.#round, this.#index, this.#n))
    if (step === 'prepare') this.#prepare()
    if (step === 'commit') this.#commit()
  }

  #prepare(): void {
    this.#prepares += 1
    if (this.#prepares === quorum(this.#n)) this.#tell('commit')
  }

  #commit(): void {
    this.#commits += 1
    if (this.#commits === quorum(this.#n)) this.#onDecided()
  }
}

async function measure(n: number, carrier: Carrier): Promise<Row> {
  sockets.clear()
  const members: MemberPeer[] = []
  const voters: Voter[] = []
  let decided = 0
  let allDecided = Promise.withResolvers<void>()
  const hear = (index: number, bytes: Uint8Array): void => {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    voters[index]?.hear(STEPS[view.getUint8(0)] ?? 'commit', view.getUint32(1))
  }
  const networks = Array.from({ length: n }, (_, index): Network => {
    const network = createNetwork({
      privateKey: seedOf(index),
      networkId: new Uint8Array(32).fill(n),
      listen: ['/ip4/127.0.0.1/tcp/0'],
      members: () => members
    })
    const say = (bytes: Uint8Array): void => {
      if (carrier === 'direct') network.broadcast(bytes)
      else network.publish('bench', bytes).catch(fail)
    }
    voters.push(
      new Voter(index, n, say, () => {
        decided += 1
        if (decided === n) allDecided.resolve()
      })
    )
    network.onMessage((_member, bytes) => hear(index, bytes))
    network.subscribe('bench', bytes => {
      hear(index, bytes)
      return 'accept'
    })
    return network
  })
  await Promise.all(networks.map(network => network.start()))
  members.push(
    ...networks.map((network, index) => ({
      member: new Uint8Array(32).fill(index + 1),
      transportKey: transportPublicKey(seedOf(index)),
      addresses: network.addresses()
    }))
  )
  for (const network of networks) network.membersChanged()
  while (networks.some(network => network.linkedMembers().length < n - 1)) await pause(20)
  // Two heartbeats of gossipsub, so that its meshes stand.
  await pause(2_500)

  const latencies: number[] = []
  let cpu = process.cpuUsage()
  let bytes = bytesOnTheWire()
  for (let round = 0; round < WARM_UP_ROUNDS + ROUNDS; round++) {
    if (round === WARM_UP_ROUNDS) {
      latencies.length = 0
      cpu = process.cpuUsage()
      bytes = bytesOnTheWire()
    }
    decided = 0
    allDecided = Promise.withResolvers()
    const from = performance.now()
    const leader = round % n
    for (const [index, voter] of voters.entries()) if (index !== leader) voter.begin(round)
    voters[leader]?.begin(round)
    await Promise.race([allDecided.promise, stalled(round)])
    latencies.push(performance.now() - from)
  }
  const { user, system } = process.cpuUsage(cpu)
  const carried = bytesOnTheWire() - bytes
  await Promise.all(networks.map(network => network.stop()))
  latencies.sort((a, b) => a - b)
  return {
    n,
    carrier,
    p50: latencies[Math.floor(ROUNDS * 0.5)] ?? NaN,
    p99: latencies[Math.floor(ROUNDS * 0.99)] ?? NaN,
    cpu: (user + system) / 1_000 / ROUNDS / n,
    bytes: carried / ROUNDS / n
  }
}

function seedOf(index: number): Uint8Array {
  return new Uint8Array(createHash('sha256').update(`bench ${index}`).digest())
}

function pause(ms: number): Promise<void> {
  return new Promise(resolve => {
    setTimeout(resolve, ms)
  })
}

async function stalled(round: number): Promise<never> {
  await new Promise(resolve => {
    setTimeout(resolve, 30_000).unref()
  })
  throw new Error(`round ${round} did not end in 30 s`)
}

function fail(error: unknown): void {
  process.stderr.write(`${String(error)}\n`)
  process.exitCode = 1
}

const sizes = process.argv.slice(2).map(Number)
const print = (line: string): void => void process.stdout.write(`${line}\n`)
print(`${cpus().length} x ${cpus()[0]?.model ?? 'unknown CPU'}, Node ${process.versions.node}`)
print(
  `${ROUNDS} rounds, votes of ${voteBytes} bytes, ${TRANSACTIONS} transaction hashes a proposal`
)
print('')
print(
  '|  n | carrier | round p50, ms | p99, ms | CPU a host and round, ms | bytes a host and round |'
)
print(
  '| -: | ------- | ------------: | ------: | -----------------------: | ---------------------: |'
)
for (const n of sizes.length > 0 ? sizes : [4, 7, 16]) {
  for (const carrier of ['direct', 'gossip'] as const) {
    const row = await measure(n, carrier)
    print(
      `| ${String(n).padStart(2)} | ${carrier.padEnd(7)} | ${row.p50.toFixed(2).padStart(13)} | ${row.p99.toFixed(2).padStart(7)} | ${row.cpu.toFixed(2).padStart(24)} | ${Math.round(row.bytes).toString().padStart(22)} |`
    )
  }
}
