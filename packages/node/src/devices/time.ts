import {
  equalBytes,
  errorCode,
  faultTolerance,
  signTime,
  TIME_NONCE_BYTES,
  timeAnswerFormat,
  timeSignBytes,
  toHex,
  verifyEd25519,
  VitalchainError,
  type ErrorValues,
  type Signer,
  type TimeAnswer,
  type Validator
} from '@vitalchain/core'
import type { Ledger } from '../ledger/ledger.ts'
import type { Network } from '../network/index.ts'

const TIME = 'time'

/** How long members are waited for, ms. Half of it is what the wait costs a device in certainty. */
export const TIME_WAIT_MS: number = 1_000

/** How much longer when 2f + 1 have answered, which are enough, ms: each more is one that may be wrong. */
const TIME_GRACE_MS = 50

/** Questions of devices under way at once, each of one request to every member. */
export const TIME_QUESTIONS_MAX: number = 16

/** Asks the members what time it is, and answers others that ask. spec T-2, T-3 */
export interface TimeService {
  /**
   * What the validators sign about a device's nonce: as many as answer in {@link TIME_WAIT_MS}, this node among them.
   *
   * @throws VitalchainError `ERR_BUSY` (retryable) while the same device asks, or {@link TIME_QUESTIONS_MAX} others
   */
  ask(device: Uint8Array, nonce: Uint8Array): Promise<readonly TimeAnswer[]>
}

/** Makes the {@link TimeService} of a node, before its network starts. */
export function createTimeService({
  ledger,
  network,
  signer,
  now,
  log
}: {
  readonly ledger: Pick<Ledger, 'network' | 'validators'>
  readonly network: Pick<Network, 'handleRequest' | 'request'>
  /** The checkpoint key; undefined for a node that only passes on what others say. */
  readonly signer: Signer | undefined
  /** The clock, ms since 1970. */
  readonly now: () => number
  readonly log: (event: string, values: ErrorValues) => void
}): TimeService {
  /** Devices whose questions are under way. */
  const asking = new Set<string>()

  // Anyone: a follower asks for its devices too. It is one signature, and requests have their limits.
  network.handleRequest(
    TIME,
    { access: 'anyone', maxRequestBytes: TIME_NONCE_BYTES, timeoutMs: TIME_WAIT_MS },
    async nonce => {
      if (nonce.length !== TIME_NONCE_BYTES)
        throw new VitalchainError('ERR_SCHEMA', `a nonce has ${TIME_NONCE_BYTES} bytes`)
      const self = ledger.validators().find(isSelf)
      if (self === undefined)
        throw new VitalchainError('ERR_TIME', 'this node has the checkpoint key of no validator')
      return timeAnswerFormat.encode(await sign(self, nonce))
    }
  )

  function isSelf({ checkpointKey }: Validator): boolean {
    return signer !== undefined && equalBytes(checkpointKey, signer.publicKey.bytes)
  }

  async function sign({ member }: Validator, nonce: Uint8Array): Promise<TimeAnswer> {
    if (signer === undefined) throw new VitalchainError('ERR_TIME', 'this node has no key')
    return signTime({ network: ledger.network, nonce }, { member, clock: now(), signer })
  }

  async function answerOf(
    validator: Validator,
    nonce: Uint8Array,
    signal: AbortSignal
  ): Promise<TimeAnswer> {
    if (isSelf(validator)) return sign(validator, nonce)
    const options = {
      signal,
      maxResponseBytes: timeAnswerFormat.bytesMax,
      timeoutMs: TIME_WAIT_MS
    }
    for await (const part of network.request(validator.member, TIME, nonce, options)) {
      const answer = timeAnswerFormat.decode(part)
      const said = timeSignBytes(ledger.network, nonce, answer.clock)
      // The device checks it too. Here, so that it does not count among those that are enough.
      if (
        equalBytes(answer.member, validator.member) &&
        verifyEd25519(validator.checkpointKey, said, answer.signature)
      )
        return answer
    }
    throw new VitalchainError('ERR_TIME', 'the member answers another question')
  }

  async function gather(nonce: Uint8Array): Promise<readonly TimeAnswer[]> {
    const validators = ledger.validators()
    const enough = 2 * faultTolerance(validators.length) + 1
    const answers: TimeAnswer[] = []
    const waiting = new AbortController()
    const all = Promise.withResolvers<void>()
    let timer = setTimeout(all.resolve, TIME_WAIT_MS)
    const collect = async (validator: Validator): Promise<void> => {
      try {
        if (answers.push(await answerOf(validator, nonce, waiting.signal)) === enough) {
          clearTimeout(timer)
          timer = setTimeout(all.resolve, TIME_GRACE_MS)
        }
      } catch (error) {
        if (waiting.signal.aborted) return
        log('no time of a member', { code: errorCode(error), member: toHex(validator.member) })
      }
    }
    await Promise.race([all.promise, Promise.all(validators.map(collect))])
    clearTimeout(timer)
    const found = [...answers]
    waiting.abort()
    return found
  }

  return {
    async ask(device, nonce) {
      const name = toHex(device)
      if (asking.has(name) || asking.size >= TIME_QUESTIONS_MAX)
        throw new VitalchainError('ERR_BUSY', 'too many ask for the time at once', {
          retryable: true
        })
      asking.add(name)
      try {
        return await gather(nonce)
      } finally {
        asking.delete(name)
      }
    }
  }
}
