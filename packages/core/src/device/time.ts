import { concatBytes, equalBytes, toHex, u64be, utf8 } from '../bytes.ts'
import { verifyEd25519 } from '../crypto/ed25519.ts'
import type { Signer } from '../crypto/keys.ts'
import { bytes, format, hash32, tuple, uint, type Codec, type Format } from '../encoding/schema.ts'
import { VitalchainError } from '../errors.ts'
import { faultTolerance, type ValidatorSet } from '../ledger/validators.ts'

/** What one member says of the time, to one question. spec T-2 */
export interface TimeAnswer {
  /** The member's identifier, 32 bytes. It is not signed: the key says who it is. */
  readonly member: Uint8Array
  /** The member's clock, ms since 1970. */
  readonly clock: number
  /** Of the member's checkpoint key over {@link timeSignBytes}, 64 bytes. */
  readonly signature: Uint8Array
}

/** From when to when, both included: ms since 1970, not always whole ones. */
export interface TimeInterval {
  readonly from: number
  readonly to: number
}

/** Bytes of a question's nonce: no two questions share one. */
export const TIME_NONCE_BYTES: number = 32

const PREFIX = utf8('vitalchain/time\0')

/** The codec of an answer inside a message. */
export const timeAnswerCodec: Codec<TimeAnswer> = tuple({
  member: hash32,
  clock: uint(),
  signature: bytes(64)
})

/** The bytes of one answer, from member to node. */
export const timeAnswerFormat: Format<TimeAnswer> = format('time answer', 128, timeAnswerCodec)

/**
 * The exact bytes that a checkpoint key signs: `"vitalchain/time\0" || network 32 || nonce 32 || clock u64`. No other message of
 * that key begins so: a note's origin goes on in hexadecimal. spec T-2
 *
 * @param clock - ms since 1970
 */
export function timeSignBytes(network: Uint8Array, nonce: Uint8Array, clock: number): Uint8Array {
  return concatBytes([PREFIX, network, nonce, u64be(clock)])
}

/**
 * Answers a question for the time.
 *
 * @param by.signer - the member's checkpoint key
 * @param by.clock - ms since 1970, a whole number
 * @throws VitalchainError `ERR_KEY_INVALID` when the key is not an Ed25519 key, and what the signer throws
 */
export async function signTime(
  question: { readonly network: Uint8Array; readonly nonce: Uint8Array },
  by: { readonly member: Uint8Array; readonly clock: number; readonly signer: Signer }
): Promise<TimeAnswer> {
  const { member, clock, signer } = by
  if (signer.publicKey.algorithm !== 'ed25519')
    throw new VitalchainError('ERR_KEY_INVALID', 'a checkpoint key is an Ed25519 key')
  const signature = await signer.sign(timeSignBytes(question.network, question.nonce, clock))
  return { member, clock, signature }
}

/** What a device asked, whom it believes, and how long it waited. */
export interface TimeQuestion {
  readonly network: Uint8Array
  readonly nonce: Uint8Array
  /** The members whose answers count, and by their number how many of them may lie. */
  readonly validators: ValidatorSet
  /** From before the question was sent until after the answers came, ms by a clock that does not jump. */
  readonly roundTripMs: number
  /** How far an honest member's clock may be from the time, ms: the genesis's `clockPrecisionMs`. */
  readonly precisionMs: number
}

/**
 * The time when the answers came, as the members agree on it: from the first to the last moment that f + 1 of at least 2f + 1
 * members allow, f of the n validators being as many as may lie. Each allows what lies between its clock and its clock a round
 * trip later, more by the precision of clocks at both ends. Undefined when too few answered, or too few agree. spec T-4
 *
 * While f + 1 of the answers are right, the time is within; while one is, the interval's ends are not beyond what a right answer allows.
 */
export function agreeOnTime(
  answers: readonly TimeAnswer[],
  question: TimeQuestion
): TimeInterval | undefined {
  const { validators, roundTripMs, precisionMs } = question
  const faulty = faultTolerance(validators.length)
  const intervals = believed(answers, question).map(({ clock }) => ({
    from: clock - precisionMs,
    to: clock + roundTripMs + precisionMs
  }))
  if (intervals.length < 2 * faulty + 1) return undefined
  const isShared = (moment: number): boolean =>
    intervals.filter(({ from, to }) => from <= moment && moment <= to).length > faulty
  // How many allow a moment grows only where one's interval begins, and falls only behind where one's ends.
  const from = intervals.map(each => each.from).filter(isShared)
  const to = intervals.map(each => each.to).filter(isShared)
  if (from.length === 0) return undefined
  return { from: Math.min(...from), to: Math.max(...to) }
}

/** The answers that are a validator's own to this question, one of each. */
function believed(
  answers: readonly TimeAnswer[],
  { network, nonce, validators }: TimeQuestion
): readonly TimeAnswer[] {
  const found = new Map<string, TimeAnswer>()
  for (const answer of answers) {
    const { member, clock, signature } = answer
    const name = toHex(member)
    const validator = validators.find(each => equalBytes(each.member, member))
    if (validator === undefined || found.has(name)) continue
    if (verifyEd25519(validator.checkpointKey, timeSignBytes(network, nonce, clock), signature))
      found.set(name, answer)
  }
  return [...found.values()]
}
