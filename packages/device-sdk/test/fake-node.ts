import {
  createSigner,
  deviceAnswerFormat,
  deviceRequestFormat,
  equalBytes,
  errorCode,
  genesisFormat,
  genesisValidators,
  isVitalchainError,
  openSession,
  sha256,
  signTime,
  u32be,
  type DeviceAnswer,
  type DeviceRequest,
  type LaneHead,
  type TimeAnswer
} from '@vitalchain/core'
import type { DeviceConnection, DeviceTransport } from '../src/index.ts'
import { seed, type FakeLedger, type Submitted } from './fake-ledger.ts'

/** What a node may do otherwise than an honest one. */
export interface Misbehaviour {
  /** Whether a connection is refused; `n` counts them from 0. */
  readonly unreachable?: (n: number) => boolean
  /** What becomes of the n-th submission; undefined = what an honest node does. */
  readonly submit?: (n: number, submitted: Submitted) => Fate | undefined
  /** What is sent in place of a receipt; undefined = nothing. */
  readonly receipt?: (receipt: Uint8Array, id: Uint8Array) => Uint8Array | undefined
  /** What is said in place of a lane's head. */
  readonly head?: (head: LaneHead | undefined, lane: 0 | 1) => LaneHead | undefined
  /** How sessions are refused. */
  readonly session?: { readonly code: string; readonly retryable: boolean }
  /** The network that hello names. */
  readonly network?: Uint8Array
  /** Whether receipts are sent only to who asks. */
  readonly silent?: boolean
  /** What the members' clocks say when they are asked, in the order of the genesis; undefined = no answer. Default: no time. */
  readonly time?: () => readonly (number | undefined)[]
  /** Whether the node says hello and then nothing. */
  readonly mute?: boolean
}

/**
 * `drop` = accept and forget; `disconnect` = close before anything; `commit-and-disconnect` = hand it to the ledger and
 * close without an answer.
 */
export type Fate =
  | 'drop'
  | 'disconnect'
  | 'commit-and-disconnect'
  | { readonly code: string; readonly retryable: boolean }

/** A node in memory that speaks the device protocol, and a transport that leads to it. */
export class FakeNode implements DeviceTransport {
  readonly name: string
  readonly key: Uint8Array
  readonly #ledger: FakeLedger
  readonly #faults: Misbehaviour
  connections = 0
  submissions = 0
  /** Connections that are open now. */
  open = 0
  closed = 0

  constructor(
    ledger: FakeLedger,
    faults: Misbehaviour = {},
    name: string = 'node',
    key: Uint8Array = sha256(seed(name))
  ) {
    this.name = name
    this.key = key
    this.#ledger = ledger
    this.#faults = faults
  }

  async connect({ signal }: { readonly signal: AbortSignal }): Promise<DeviceConnection> {
    signal.throwIfAborted()
    const n = this.connections++
    if (this.#faults.unreachable?.(n) === true) throw new Error('unreachable')
    const answers = new Channel<Uint8Array>()
    const serve = this.serve(
      frame => answers.push(frame),
      () => answers.end()
    )
    return {
      send: async request => serve.take(deviceRequestFormat.encode(request)),
      answers: decoded(answers),
      close: async () => {
        serve.end()
        answers.end()
      }
    }
  }

  async close(): Promise<void> {
    this.closed++
  }

  /** What members sign. A node that knows no time passes on nothing. */
  async #time(nonce: Uint8Array): Promise<readonly TimeAnswer[]> {
    const { network, genesis } = this.#ledger
    const validators = genesisValidators(genesisFormat.decode(genesis))
    const clocks = this.#faults.time?.() ?? []
    return Promise.all(
      clocks.flatMap((clock, k) => {
        const signer = createSigner('ed25519', seed(`checkpoint ${k}`))
        const { member } = validators[k]!
        return clock === undefined ? [] : signTime({ network, nonce }, { member, clock, signer })
      })
    )
  }

  /** Serves one connection: what a device sends goes into `take`. */
  serve(
    send: (frame: Uint8Array) => void,
    hangUp: () => void
  ): { take(frame: Uint8Array): void; end(): void } {
    const ledger = this.#ledger
    const challenge = sha256(u32be(this.connections))
    let device: Uint8Array | undefined
    let over = false
    const say = (answer: DeviceAnswer): void => {
      if (!over) send(deviceAnswerFormat.encode(answer))
    }
    const sendReceipt = (id: Uint8Array, real: Uint8Array): void => {
      const receipt = this.#faults.receipt === undefined ? real : this.#faults.receipt(real, id)
      if (receipt !== undefined) say({ type: 'receipt', id, receipt })
    }
    const wanted = new Set<string>()
    const forget = ledger.onCommit(({ id, statement }, receipt) => {
      if (device === undefined || !equalBytes(statement.device, device)) return
      if (this.#faults.silent !== true || wanted.has(id.join())) sendReceipt(id, receipt)
    })
    const end = (): void => {
      if (over) return
      over = true
      this.open--
      forget()
    }
    const drop = (): void => {
      end()
      hangUp()
    }

    const answer = (request: DeviceRequest): void => {
      if (over || this.#faults.mute === true) return
      switch (request.type) {
        case 'session': {
          if (this.#faults.session !== undefined)
            throw Object.assign(new Error('no'), this.#faults.session)
          const network = this.#faults.network ?? ledger.network
          const opened = openSession(request.session, { network, node: this.key, challenge })
          if (ledger.open) ledger.register(opened.device, opened.signed.publicKey)
          const key = ledger.key(opened.device)
          if (!equalBytes(key.bytes, opened.signed.publicKey.bytes)) throw new Error('other key')
          device = opened.device
          return say({ type: 'done', request: request.request })
        }
        case 'head': {
          if (device === undefined) throw new Error('no session')
          const real = ledger.head(device, request.lane)
          const lane =
            this.#faults.head === undefined ? real : this.#faults.head(real, request.lane)
          return say({ type: 'head', request: request.request, lane })
        }
        case 'receipt': {
          const receipt = ledger.receipt(request.id)
          if (receipt === undefined) wanted.add(request.id.join())
          else sendReceipt(request.id, receipt)
          return
        }
        case 'greeting':
          throw new Error('this transport says who the node is')
        case 'time':
          void this.#time(request.nonce).then(answers =>
            say({ type: 'time', request: request.request, answers })
          )
          return
        case 'submit': {
          const n = this.submissions++
          const submitted = ledger.check(request.transaction, request.payload)
          const fate = this.#faults.submit?.(n, submitted)
          if (fate === 'disconnect') return drop()
          if (typeof fate === 'object') throw Object.assign(new Error('no'), fate)
          if (fate !== 'drop') ledger.hold(submitted)
          if (fate === 'commit-and-disconnect') return drop()
          return say({ type: 'done', request: request.request })
        }
      }
    }

    this.open++
    // The first frame comes when somebody listens, as over a network.
    queueMicrotask(() =>
      say({
        type: 'hello',
        network: this.#faults.network ?? ledger.network,
        node: this.key,
        challenge
      })
    )
    return {
      take: frame => {
        const request = deviceRequestFormat.decode(frame)
        try {
          answer(request)
        } catch (error) {
          const { code, retryable } = refusal(error)
          say({ type: 'refused', request: request.request, code, message: code, retryable })
        }
      },
      end
    }
  }
}

function refusal(error: unknown): { readonly code: string; readonly retryable: boolean } {
  if (isVitalchainError(error)) return error
  if (error instanceof Error && 'code' in error && 'retryable' in error)
    return { code: String(error.code), retryable: error.retryable === true }
  return { code: errorCode(error), retryable: false }
}

async function* decoded(frames: AsyncIterable<Uint8Array>): AsyncGenerator<DeviceAnswer> {
  for await (const frame of frames) yield deviceAnswerFormat.decode(frame)
}

/** A queue with one reader. */
class Channel<T> {
  readonly #items: T[] = []
  #ended = false
  #wake: (() => void) | undefined

  push(item: T): void {
    this.#items.push(item)
    this.#wake?.()
  }

  end(): void {
    this.#ended = true
    this.#wake?.()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T> {
    while (true) {
      const item = this.#items.shift()
      if (item !== undefined) yield item
      else if (this.#ended) return
      else
        await new Promise<void>(resolve => {
          this.#wake = resolve
        })
    }
  }
}
