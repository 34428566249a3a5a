import type { Signer } from '../crypto/keys.ts'
import { verifySignature, type PublicKey } from '../crypto/signatures.ts'
import { decodeCbor, encodeCbor } from '../encoding/cbor.ts'
import { bytes, hash32, list, optional, text, tuple, type Codec } from '../encoding/schema.ts'
import { VitalchainError } from '../errors.ts'
import { signCose } from '../ledger/cose.ts'
import { TRANSACTION_BYTES_MAX } from '../ledger/limits.ts'
import { publicKeyCodec } from '../ledger/public-key.ts'
import { callFormat, callTransaction, type Call } from '../ledger/transaction.ts'
import { claimId } from './claim.ts'

/** Characters of a device's model name. */
export const MODEL_CHARACTERS_MAX: number = 64

/** Metrics that a device may state: a bedside monitor has about ten. */
export const METRICS_MAX: number = 32

/** Characters of a metric's name, such as `MDC_PULS_OXIM_SAT_O2`. */
export const METRIC_CHARACTERS_MAX: number = 64

/** The method of the call that enrols a device. */
export const ENROL_METHOD: string = 'devices.enrol'

/** What a device is: as the operator admits it, and as it says itself. */
export interface DeviceDescription {
  readonly model: string
  /** SHA-256 of the firmware. */
  readonly firmware: Uint8Array | undefined
  /** Names of what it measures, none twice. */
  readonly metrics: readonly string[]
}

/** The arguments of `devices.enrol`. */
export interface EnrolDevice extends DeviceDescription {
  readonly publicKey: PublicKey
  /** The device key's signature over {@link enrolProofBytes}, 64 bytes. */
  readonly proof: Uint8Array
}

const NO_CALL = new Uint8Array(32)

/** How a list of metrics is written. */
export const metricsCodec: Codec<readonly string[]> = {
  write: value => [...value],
  read(value, path) {
    const metrics = list(text(METRIC_CHARACTERS_MAX), METRICS_MAX).read(value, path)
    if (new Set(metrics).size !== metrics.length)
      throw new VitalchainError('ERR_SCHEMA', `${path}: expected no metric twice`)
    return metrics
  }
}

/** How the arguments of `devices.enrol` are written. spec F-30. */
export const enrolDeviceCodec: Codec<EnrolDevice> = tuple({
  publicKey: publicKeyCodec,
  proof: bytes(64),
  model: text(MODEL_CHARACTERS_MAX),
  firmware: optional(hash32),
  metrics: metricsCodec
})

/** The device that a call of `devices.enrol` describes. @throws VitalchainError as a format's `decode` does */
export function enrolledDevice({ args, method }: Call): EnrolDevice {
  return enrolDeviceCodec.read(decodeCbor(args, TRANSACTION_BYTES_MAX), method)
}

/** What a device's key signs to show that the device has it: for this network, this claim and this description. spec F-30. */
export function enrolProofBytes(
  network: Uint8Array,
  claim: Uint8Array,
  publicKey: PublicKey,
  { model, firmware, metrics }: DeviceDescription
): Uint8Array {
  return encodeCbor([
    'vitalchain/enrol-proof',
    network,
    claim,
    publicKeyCodec.write(publicKey),
    model,
    firmware ?? null,
    [...metrics]
  ])
}

/** Whether the device's key signed its own enrolment. spec D-10 */
export function verifyEnrolProof(
  network: Uint8Array,
  claim: Uint8Array,
  device: EnrolDevice
): boolean {
  const { publicKey, proof } = device
  return verifySignature(publicKey, enrolProofBytes(network, claim, publicKey, device), proof)
}

/**
 * The transaction that enrols a device: the only call of its claim, so it names no call before.
 *
 * @param claim - see `claimSigner`
 * @param device - the device's key, which gives a low S if it is ES256
 */
export async function enrolTransaction(
  network: Uint8Array,
  claim: Signer,
  device: Signer,
  description: DeviceDescription
): Promise<Uint8Array> {
  const author = claimId(claim.publicKey)
  const { publicKey } = device
  const proof = await device.sign(enrolProofBytes(network, author, publicKey, description))
  const call = callFormat.encode({
    network,
    author,
    previous: NO_CALL,
    method: ENROL_METHOD,
    args: encodeCbor(enrolDeviceCodec.write({ publicKey, proof, ...description }))
  })
  return callTransaction(await signCose(claim, call))
}
