import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  equalBytes,
  errorCode,
  toHex,
  VitalchainError,
  verifySignature,
  type ErrorValues
} from '@vitalchain/core'
import {
  compareWatermarks,
  sentMessages,
  watermarkOf,
  withSigned,
  type SignedMessage,
  type UnsignedVote,
  type VoteScope,
  type VoteState
} from '@vitalchain/consensus'
import { decodeFrames } from '../network/framing.ts'
import {
  sendFrame,
  SIGNER_ANSWER_MS,
  SIGNER_FRAME_BYTES_MAX,
  signerAnswerFormat,
  signerRequestFormat,
  type SignerAnswer,
  type SignerRequest
} from './signer-protocol.ts'
import type { VoteSigner } from './vote-signer.ts'
import type { VoteStore } from './vote-store.ts'

/** Shortest and longest time between two attempts to reach the signer, ms: its restart takes about a second. */
const RETRY_MIN_MS = 100
const RETRY_MAX_MS = 2_000

/** Errors that another connection does not mend. */
const FINAL: ReadonlySet<string> = new Set([
  'ERR_SIGN_TWICE',
  'ERR_SIGN_RULE',
  'ERR_SIGN_UNSAFE',
  'ERR_SIGNER_STATE',
  'ERR_SIGNER_REFUSED'
])

/** What a signer refuses for good, with its own code. */
const REFUSALS: ReadonlySet<string> = new Set([
  'ERR_SIGN_TWICE',
  'ERR_SIGN_RULE',
  'ERR_SIGN_UNSAFE'
])

type Hello = Extract<SignerAnswer, { readonly type: 'hello' }>

interface Connection {
  readonly socket: Socket
  readonly answers: AsyncIterator<Uint8Array>
  readonly hello: Hello
}

/** What {@link openRemoteSigner} needs. */
export interface RemoteSignerInit {
  /** Where the signer listens. */
  readonly path: string
  readonly scope: VoteScope
  /** Keeps the bodies of prepared blocks: a signer has no use for them. */
  readonly store: Pick<VoteStore, 'writeBodies'>
  /** Ends all waiting. */
  readonly signal: AbortSignal
  readonly log: (event: string, values: ErrorValues) => void
}

/**
 * Opens a signer in another process; waits for as long as it is not there. A request whose answer was lost is repeated
 * until it is answered: the signer gives the same bytes for it.
 *
 * @throws VitalchainError `ERR_SIGNER_STATE` for a signer of another network, or one that lost votes since this node
 * knows it; or the signal's reason
 */
export async function openRemoteSigner(init: RemoteSignerInit): Promise<VoteSigner> {
  const { scope, store, signal, log } = init
  let open: Connection | undefined
  let waited = false

  async function connected(): Promise<Connection> {
    for (let wait = RETRY_MIN_MS; ; wait = Math.min(2 * wait, RETRY_MAX_MS)) {
      signal.throwIfAborted()
      if (open !== undefined && !open.socket.destroyed) return open
      try {
        open = await dial(init.path, signal)
        requireSame(open.hello)
        log('signer connected', {})
        waited = false
        return open
      } catch (error) {
        if (errorCode(error) === 'ERR_SIGNER_STATE') throw error
        signal.throwIfAborted()
        if (!waited) log('signer not reached', { code: errorCode(error) })
        waited = true
        await sleep(wait, undefined, { signal })
      }
    }
  }

  /** A signer that comes back must hold what it signed for this node. */
  function requireSame(hello: Hello): void {
    const { network, recoveryEpoch } = scope
    if (!equalBytes(hello.network, network) || hello.recoveryEpoch !== recoveryEpoch)
      throw changed('the signer is of another network')
    if (known === undefined) return
    if (!equalBytes(hello.publicKey, known.publicKey)) throw changed('the signer has another key')
    const lost = known.first !== undefined && hello.first === undefined
    if (lost || compareStates(hello.last, known.last) < 0)
      throw changed('the signer lost votes that it cast for this node')
  }

  let known: Pick<Hello, 'publicKey' | 'first' | 'last'> | undefined
  const { hello } = await connected()
  const { publicKey } = hello
  const state: { publicKey: Uint8Array; first: number | undefined; last: VoteState | undefined } = {
    publicKey,
    first: hello.first,
    last: hello.last
  }
  known = state

  async function ask(request: SignerRequest): Promise<SignerAnswer> {
    const encoded = signerRequestFormat.encode(request)
    for (let isAgain = false; ; isAgain = true) {
      const connection = await connected()
      // Its answer was lost, and what it was about is done. Only a greeting of after the request tells: one of before may be
      // of votes that were found old since.
      const begun = isAgain && connection.hello.first !== undefined
      if (request.type === 'begin' && begun) return { type: 'done' }
      try {
        sendFrame(connection.socket, encoded)
        const answer = await next(connection)
        if (answer.type !== 'refused') return answer
        throw new VitalchainError(
          REFUSALS.has(answer.code) ? answer.code : 'ERR_SIGNER_REFUSED',
          answer.message,
          { values: { code: answer.code } }
        )
      } catch (error) {
        connection.socket.destroy()
        if (FINAL.has(errorCode(error))) throw error
        signal.throwIfAborted()
        log('signer lost', { code: errorCode(error) })
      }
    }
  }

  return {
    publicKey,
    get first() {
      return state.first
    },
    get last() {
      return state.last
    },
    async sign(asked, record, bodies) {
      // The bodies are durable no later than the vote that hangs on them. spec C-24
      if (bodies !== undefined) await store.writeBodies(bodies)
      const answer = await ask({
        type: 'sign',
        votes: asked.map(({ message }) => message),
        record
      })
      const signed = sealed(asked, answer, publicKey)
      state.last = withSigned(record, signed)
      return signed
    },
    async begin(height) {
      await ask({ type: 'begin', height })
      state.first = height
      state.last = undefined
    },
    async distrust() {
      state.first = undefined
      state.last = undefined
      await ask({ type: 'distrust' })
    },
    async retire(proof) {
      await ask({ type: 'retire', proof })
      open?.socket.destroy()
    },
    async close() {
      open?.socket.destroy()
    }
  }
}

async function dial(path: string, signal: AbortSignal): Promise<Connection> {
  const socket = connect(path)
  try {
    await once(socket, 'connect', { signal })
    const answers = decodeFrames(socket, SIGNER_FRAME_BYTES_MAX)[Symbol.asyncIterator]()
    const hello = await next({ socket, answers })
    // Nobody would close it later.
    signal.throwIfAborted()
    if (hello.type !== 'hello')
      throw new VitalchainError('ERR_SIGNER_REFUSED', 'the signer does not greet', {
        values: { code: hello.type === 'refused' ? hello.code : hello.type },
        retryable: true
      })
    // The end of the connection must show before the next request.
    socket.on('error', () => socket.destroy())
    const abort = (): void => void socket.destroy()
    signal.addEventListener('abort', abort)
    socket.once('close', () => signal.removeEventListener('abort', abort))
    return { socket, answers, hello }
  } catch (error) {
    socket.destroy()
    throw error
  }
}

/** The next answer, within its time. */
async function next({
  socket,
  answers
}: Pick<Connection, 'socket' | 'answers'>): Promise<SignerAnswer> {
  const late = setTimeout(() => socket.destroy(), SIGNER_ANSWER_MS)
  try {
    const answer: IteratorResult<Uint8Array, unknown> = await answers.next()
    if (answer.done === true)
      throw new VitalchainError('ERR_SIGNER_LOST', 'the signer closed the connection', {
        retryable: true
      })
    return signerAnswerFormat.decode(answer.value)
  } finally {
    clearTimeout(late)
  }
}

/** The messages with their signatures, which must be valid: nothing else may leave. */
function sealed(
  asked: readonly UnsignedVote[],
  answer: SignerAnswer,
  publicKey: Uint8Array
): readonly SignedMessage[] {
  const signatures = answer.type === 'signed' ? answer.signatures : []
  const signed = asked.flatMap((vote, k) => {
    const signature = signatures[k]
    const valid =
      signature !== undefined &&
      verifySignature({ algorithm: 'ed25519', bytes: publicKey }, vote.signBytes, signature)
    return valid ? [vote.seal(signature)] : []
  })
  if (signed.length === asked.length && signatures.length === asked.length) return signed
  throw new VitalchainError('ERR_SIGNER_REFUSED', 'the signer gave no valid signature', {
    values: { code: answer.type, key: toHex(publicKey) }
  })
}

/** Negative when the first was written before the second. */
function compareStates(a: VoteState | undefined, b: VoteState | undefined): number {
  if (b === undefined) return 0
  if (a === undefined) return -1
  const [first, second] = [a, b].map(state => sentMessages(state.sent).at(-1))
  if (first === undefined || second === undefined) return a.height - b.height || a.view - b.view
  return compareWatermarks(watermarkOf(first), watermarkOf(second))
}

function changed(message: string): VitalchainError {
  return new VitalchainError('ERR_SIGNER_STATE', message)
}
