import {
  claimSigner,
  createReceiptVerifier,
  decodeTransaction,
  deviceId,
  enrolTransaction,
  equalBytes,
  errorCode,
  faultTolerance,
  genesisFormat,
  isClaimOf,
  isVitalchainError,
  networkId,
  parseClaimText,
  VitalchainError,
  type Signer
} from '@vitalchain/core'
import { backoff } from './connector.ts'
import { Conversation } from './conversation.ts'
import { deviceStopped } from './lane.ts'
import { COMMIT_WAIT_MAX_MS, ENROL_POLL_MS, HANDSHAKE_MS, REFUSALS_MIN } from './limits.ts'
import { asSessionError } from './node-session.ts'
import { lowSSigner } from './statement-writer.ts'
import type { Proof } from './submission.ts'
import { pause, systemTimers, type DeviceTimers } from './timers.ts'
import type { DeviceTransport } from './transport.ts'

/** What it takes to enrol. */
export interface EnrolInit {
  /** The text of the claim that the operator made: `VC1-…`. */
  readonly claim: string
  /** The device's key. It becomes the device's identity: keep it before this is called. */
  readonly signer: Signer
  /** The genesis document of the network. */
  readonly genesis: Uint8Array
  /** One way to the network, or several in the order in which they are tried. They stay open: a device may go on with them. */
  readonly transport: DeviceTransport | readonly DeviceTransport[]
  /** As the claim expects it, 1 to 64 characters. */
  readonly model: string
  /** SHA-256 of the firmware, if it is to be on the ledger. */
  readonly firmware?: Uint8Array
  /** Names of what the device measures, at most 32. */
  readonly metrics?: readonly string[]
  /** Replaced in tests. */
  readonly timers?: DeviceTimers
  /** Random bytes for waits. Default: the platform's. */
  readonly random?: (bytes: number) => Uint8Array
}

/** A device that the ledger knows. */
export interface Enrolment {
  /** The device's identifier, 32 bytes. */
  readonly device: Uint8Array
  /**
   * Proves that this device was enrolled with this claim. Undefined when a node knows the device but its enrolment was
   * signed by an earlier call, which an ES256 key does not repeat.
   */
  readonly proof: Proof | undefined
}

/**
 * Enrols a device with a claim: once, for this key. It tries until a receipt shows that the enrolment is on the ledger, so it may be called
 * again after a crash; the signal ends it.
 *
 * @throws VitalchainError `ERR_CLAIM_TEXT`, `ERR_OTHER_NETWORK` for a claim of another network, `ERR_DEVICE_INIT` without a
 * transport, `ERR_DEVICE_STOPPED` when the signal is aborted, or the refusal of several nodes in turn:
 * `ERR_AUTHOR_UNKNOWN` (the claim was used or withdrawn, or never was), `ERR_CLAIM_EXPIRED`, `ERR_CLAIM_MISMATCH`
 */
export async function enrolDevice(
  init: EnrolInit,
  { signal = new AbortController().signal }: { readonly signal?: AbortSignal } = {}
): Promise<Enrolment> {
  const network = networkId(init.genesis)
  const claim = parseClaimText(init.claim)
  if (!isClaimOf(claim, network))
    throw new VitalchainError('ERR_OTHER_NETWORK', 'the claim was made for another network')
  const signer = lowSSigner(init.signer)
  const { model, firmware, metrics = [] } = init
  const transaction = await enrolTransaction(network, claimSigner(claim.secret), signer, {
    model,
    firmware,
    metrics
  })
  const attempt = {
    network,
    signer,
    transaction,
    id: decodeTransaction(transaction).id,
    device: deviceId(signer.publicKey),
    timers: init.timers ?? systemTimers
  }
  const random = init.random ?? (bytes => crypto.getRandomValues(new Uint8Array(bytes)))
  const transports = [init.transport].flat()
  if (transports.length === 0)
    throw new VitalchainError('ERR_DEVICE_INIT', 'a device needs a transport')
  const { members } = genesisFormat.decode(init.genesis)
  // One lying or lagging node must not end it.
  const refusalsMax = Math.max(REFUSALS_MIN, faultTolerance(members.length) + 1)
  let refusals = 0
  for (let turn = 0; ; turn++) {
    if (signal.aborted) throw deviceStopped()
    const transport = transports[turn % transports.length]
    if (transport === undefined) continue
    try {
      return await enrolOver(transport, attempt, signal)
    } catch (error) {
      const isFinal = isVitalchainError(error) && !error.retryable
      refusals = isFinal ? refusals + 1 : 0
      if (refusals >= refusalsMax) throw error
    }
    await pause(attempt.timers, backoff(turn + 1, random), signal)
  }
}

interface Attempt {
  readonly network: Uint8Array
  readonly signer: Signer
  readonly transaction: Uint8Array
  readonly id: Uint8Array
  readonly device: Uint8Array
  readonly timers: DeviceTimers
}

async function enrolOver(
  transport: DeviceTransport,
  attempt: Attempt,
  signal: AbortSignal
): Promise<Enrolment> {
  const ending = new AbortController()
  const ended = Promise.withResolvers<never>()
  ended.promise.catch(() => undefined)
  const end = (error: VitalchainError): void => ended.reject(error)
  const onAbort = (): void => end(deviceStopped())
  signal.addEventListener('abort', onAbort)
  const cancel = attempt.timers.after(HANDSHAKE_MS + COMMIT_WAIT_MAX_MS, () =>
    end(
      new VitalchainError('ERR_COMMIT_TIMEOUT', 'the network did not commit in time', {
        retryable: true
      })
    )
  )
  const opening = transport.connect({ signal: ending.signal })
  try {
    return await Promise.race([converse(opening, attempt, ending.signal), ended.promise])
  } finally {
    cancel()
    signal.removeEventListener('abort', onAbort)
    ending.abort()
    await opening.then(
      connection => connection.close(),
      () => undefined
    )
  }
}

/** What a node said against it; undefined when it took it. @throws VitalchainError when the connection ended */
async function refusalOf(submitted: Promise<void>): Promise<VitalchainError | undefined> {
  try {
    await submitted
    return undefined
  } catch (error) {
    if (isVitalchainError(error)) return error
    throw error
  }
}

async function converse(
  opening: ReturnType<DeviceTransport['connect']>,
  attempt: Attempt,
  signal: AbortSignal
): Promise<Enrolment> {
  const { network, transaction, signer, device, id, timers } = attempt
  const connection = await opening.catch((error: unknown) => {
    throw asSessionError(error)
  })
  const talk = await Conversation.open(connection, network)
  const refusal = await refusalOf(talk.submit(transaction))
  while (true) {
    try {
      await talk.session(signer, device)
      break
    } catch (error) {
      if (errorCode(error) !== 'ERR_DEVICE_UNKNOWN') throw error
      if (refusal !== undefined && errorCode(refusal) !== 'ERR_ALREADY_COMMITTED') throw refusal
      await pause(timers, ENROL_POLL_MS, signal)
      if (signal.aborted) throw deviceStopped()
    }
  }
  try {
    const receipt = await talk.receipt(id)
    return { device, proof: verify(network, id, receipt) }
  } catch (error) {
    // Known, and not by this very call: an earlier one that the device does not remember.
    if (refusal !== undefined && errorCode(error) === 'ERR_NOT_COMMITTED')
      return { device, proof: undefined }
    throw error
  }
}

/** @throws VitalchainError `ERR_RECEIPT` (retryable: another node may have a good one) */
function verify(network: Uint8Array, id: Uint8Array, receipt: Uint8Array): Proof {
  let proof: Proof
  try {
    proof = { receipt, proven: createReceiptVerifier({ genesis: network })(receipt) }
  } catch (cause) {
    throw invalidReceipt(cause)
  }
  if (!equalBytes(proof.proven.transaction.id, id)) throw invalidReceipt()
  return proof
}

function invalidReceipt(cause?: unknown): VitalchainError {
  return new VitalchainError('ERR_RECEIPT', 'the receipt does not prove the enrolment', {
    cause,
    retryable: true
  })
}
