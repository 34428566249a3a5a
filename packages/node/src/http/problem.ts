import { isVitalchainError, VitalchainError } from '@vitalchain/core'

/** The media type of RFC 9457. */
export const PROBLEM_TYPE: string = 'application/problem+json'

/** An error as a client sees it (RFC 9457). It never holds more than the code and the message of a known refusal. */
export interface Problem {
  /** `/errors#CODE`: names the kind of problem, which `docs/errors.md` describes. Not a page of this node. */
  readonly type: string
  readonly title: string
  readonly status: number
  readonly detail?: string
  /** The stable code to test. */
  readonly code: string
  /** Whether the same request can succeed later without a change to it. */
  readonly retryable: boolean
}

/** What a code becomes over HTTP. */
interface Answer {
  readonly status: number
  readonly title: string
  /** Seconds for `Retry-After`. */
  readonly retryAfterS?: number
}

/** What a node that is starting or full needs to recover: about a block. */
const RETRY_SOON_S = 1

/** What a node that stops for a restart needs to come back. Another node takes it at once. */
const RETRY_RESTART_S = 10

/** A day's quota frees at midnight (UTC) of the ledger's time; asking every quarter of an hour finds it soon enough. */
const RETRY_QUOTA_S = 15 * 60

/** All codes that a client may see. Any other is a fault of this node and becomes `ERR_INTERNAL` without a text. */
const ANSWERS: ReadonlyMap<string, Answer> = new Map<string, Answer>([
  ['ERR_REQUEST', { status: 400, title: 'Not an HTTP request that this API knows' }],
  ['ERR_ENCODING', { status: 400, title: 'Not encoded as it says' }],
  ['ERR_NOT_CANONICAL', { status: 400, title: 'Not deterministic CBOR' }],
  ['ERR_SCHEMA', { status: 400, title: 'Not of the expected form' }],
  ['ERR_HEX', { status: 400, title: 'Not hexadecimal' }],
  ['ERR_CURSOR', { status: 400, title: 'No such cursor' }],
  ['ERR_ALGORITHM_UNKNOWN', { status: 400, title: 'Unknown signature algorithm' }],
  ['ERR_KEY_INVALID', { status: 400, title: 'Not a valid public key' }],
  ['ERR_PAYLOAD_MISSING', { status: 400, title: 'The payload is missing' }],
  ['ERR_PAYLOAD_UNEXPECTED', { status: 400, title: 'A payload where none belongs' }],
  ['ERR_PAYLOAD_DIGEST', { status: 400, title: 'The payload is another one' }],
  ['ERR_DIGEST', { status: 400, title: 'The body is another one' }],
  ['ERR_UNAUTHORIZED', { status: 401, title: 'Not authorised' }],
  ['ERR_HTTP_SIGNATURE', { status: 401, title: "The request's signature is not right" }],
  ['ERR_FORBIDDEN', { status: 403, title: 'Not yours to read' }],
  ['ERR_SESSION', { status: 403, title: 'The session is not accepted' }],
  ['ERR_SIGNATURE', { status: 403, title: 'The signature is not valid' }],
  ['ERR_DEVICE_UNKNOWN', { status: 403, title: 'The device is not registered' }],
  ['ERR_DEVICE_REVOKED', { status: 403, title: 'The device is revoked' }],
  ['ERR_AUTHOR_UNKNOWN', { status: 403, title: 'The author has no account' }],
  ['ERR_NOT_A_MEMBER', { status: 403, title: 'Only members may do this' }],
  ['ERR_NOT_THE_OWNER', { status: 403, title: 'Only the owner may do this' }],
  ['ERR_NOT_FOUND', { status: 404, title: 'Not found' }],
  ['ERR_TREE_RANGE', { status: 404, title: 'The history has no such size' }],
  ['ERR_NO_CHECKPOINT', { status: 404, title: 'No checkpoint yet', retryAfterS: RETRY_SOON_S }],
  ['ERR_NOT_COMMITTED', { status: 404, title: 'Not on the ledger' }],
  ['ERR_ALREADY_COMMITTED', { status: 409, title: 'On the ledger already' }],
  ['ERR_PLACE_TAKEN', { status: 409, title: 'The place is taken' }],
  ['ERR_PLACE_SKIPPED', { status: 409, title: 'Not the next place' }],
  ['ERR_STATEMENT_CONFLICT', { status: 409, title: 'The device contradicted itself' }],
  ['ERR_CHAIN_QUARANTINED', { status: 409, title: 'The lane is closed' }],
  ['ERR_LEDGER_RESTORED', { status: 409, title: 'The one before was lost' }],
  ['ERR_CHAIN_AHEAD', { status: 409, title: 'The one before is not on the ledger' }],
  ['ERR_DEVICE_EXISTS', { status: 409, title: 'The device is registered already' }],
  ['ERR_DEVICE_KEY', { status: 403, title: "Not the lane's key" }],
  ['ERR_DEVICE_RETIRED', { status: 409, title: 'The device is retired' }],
  ['ERR_CLAIM_EXISTS', { status: 409, title: 'The claim exists already' }],
  ['ERR_CLAIM_UNKNOWN', { status: 404, title: 'No such claim is open' }],
  ['ERR_CLAIM_EXPIRED', { status: 409, title: 'The claim is over' }],
  ['ERR_CLAIM_MISMATCH', { status: 422, title: 'Not the device that is expected' }],
  ['ERR_KEY_PROOF', { status: 422, title: 'Not signed with the new key' }],
  ['ERR_STREAM', { status: 409, title: 'Not a stream of this lane' }],
  ['ERR_NO_OFFER', { status: 409, title: 'The device is not offered' }],
  ['ERR_CHANGE_UNKNOWN', { status: 404, title: 'No such change is open' }],
  ['ERR_UNKNOWN_MEMBER', { status: 404, title: 'No such member' }],
  ['ERR_CHANGE_OPEN', { status: 409, title: 'The change is proposed already' }],
  ['ERR_CHANGES_OPEN', { status: 409, title: 'Too many changes are open' }],
  ['ERR_ALREADY_APPROVED', { status: 409, title: 'Approved already' }],
  ['ERR_PROTOCOL_ACTIVE', { status: 409, title: 'A newer version only' }],
  ['ERR_PROTOCOL_HEIGHT', { status: 409, title: 'The block is there already' }],
  ['ERR_NOT_APPROVED', { status: 409, title: 'Not approved' }],
  ['ERR_MEMBER_EXISTS', { status: 409, title: 'A member already' }],
  ['ERR_NAME_TAKEN', { status: 409, title: 'The name is taken' }],
  ['ERR_KEY_TAKEN', { status: 409, title: 'A key is in use' }],
  ['ERR_EVIDENCE_KNOWN', { status: 409, title: 'Proved already' }],
  ['ERR_EVIDENCE_ENOUGH', { status: 409, title: 'Proved often enough' }],
  ['ERR_TOO_LARGE', { status: 413, title: 'Too large' }],
  ['ERR_MEDIA_TYPE', { status: 415, title: 'Another media type is needed' }],
  ['ERR_OTHER_NETWORK', { status: 422, title: 'Signed for another network' }],
  ['ERR_METHOD_UNKNOWN', { status: 422, title: 'No contract has this method' }],
  ['ERR_RETENTION', { status: 422, title: 'No such retention class' }],
  ['ERR_NO_CONFLICT', { status: 422, title: 'The statements do not contradict each other' }],
  ['ERR_NOTHING_CHANGES', { status: 422, title: 'Nothing would change' }],
  ['ERR_TOO_MANY_MEMBERS', { status: 422, title: 'Too many members' }],
  ['ERR_TOO_FEW_MEMBERS', { status: 422, title: 'Too few members' }],
  ['ERR_FAULTS_FALL', { status: 422, title: 'Fewer faults would be tolerated' }],
  ['ERR_READY_HEIGHT', { status: 422, title: 'Ready at another height' }],
  ['ERR_READY_PROOF', { status: 422, title: 'Not signed with the new keys' }],
  ['ERR_NOT_THE_KEY', { status: 422, title: "Not the member's key" }],
  ['ERR_NO_EVIDENCE', { status: 422, title: 'Nothing is proved' }],
  ['ERR_EVIDENCE_OLD', { status: 422, title: 'Too far back' }],
  ['ERR_EVIDENCE_AHEAD', { status: 422, title: 'Of a height to come' }],
  ['ERR_RATE', { status: 429, title: 'Too many requests', retryAfterS: RETRY_SOON_S }],
  ['ERR_QUOTA', { status: 429, title: 'The quota is used up', retryAfterS: RETRY_QUOTA_S }],
  [
    'ERR_CHANGES_IN_BLOCK',
    { status: 503, title: 'Too many changes at once', retryAfterS: RETRY_SOON_S }
  ],
  ['ERR_DAMAGED', { status: 500, title: 'Damaged at this node: ask another' }],
  ['ERR_BUSY', { status: 503, title: 'Busy', retryAfterS: RETRY_SOON_S }],
  [
    'ERR_DRAINING',
    { status: 503, title: 'This node is about to stop', retryAfterS: RETRY_RESTART_S }
  ],
  ['ERR_NOT_READY', { status: 503, title: 'Not ready', retryAfterS: RETRY_RESTART_S }],
  ['ERR_NOT_STARTED', { status: 503, title: 'Not running', retryAfterS: RETRY_SOON_S }]
])

const INTERNAL: Problem = {
  type: problemType('ERR_INTERNAL'),
  title: 'Internal error',
  status: 500,
  code: 'ERR_INTERNAL',
  retryable: true
}

/** The codes that reach clients as themselves. */
export function publicCodes(): readonly string[] {
  return [...ANSWERS.keys()]
}

/** Codes that only reading ends with. */
const READING: readonly string[] = [
  'ERR_CURSOR',
  'ERR_NO_CHECKPOINT',
  'ERR_NOT_COMMITTED',
  'ERR_SESSION',
  'ERR_TREE_RANGE',
  'ERR_UNAUTHORIZED',
  'ERR_FORBIDDEN'
]

/** The codes that handing a transaction over may end with: every contract has its own. */
export function submissionCodes(): readonly string[] {
  return publicCodes().filter(code => !READING.includes(code))
}

/** The status that a code comes with. */
export function statusOfCode(code: string): number {
  return ANSWERS.get(code)?.status ?? INTERNAL.status
}

/** The problem of an error, with the headers that belong to its status. */
export function toProblem(error: unknown): {
  readonly problem: Problem
  readonly headers: Readonly<Record<string, string>>
} {
  const known = knownError(error)
  const answer = known && ANSWERS.get(known.code)
  if (known === undefined || answer === undefined) return { problem: INTERNAL, headers: {} }
  const { code, message, retryable, values } = known
  const { status, title } = answer
  // Who refuses knows it better, when it says so.
  const retryAfterS = Number(values['retryAfterS'] ?? answer.retryAfterS)
  return {
    problem: { type: problemType(code), title, status, detail: message, code, retryable },
    headers: {
      // RFC 9110 section 11.6.1
      ...(status === 401 ? { 'www-authenticate': 'Bearer' } : {}),
      ...(Number.isNaN(retryAfterS) ? {} : { 'retry-after': String(retryAfterS) })
    }
  }
}

/** Fastify's own refusals say what was wrong with the request by their code; their messages are not passed on. */
function knownError(error: unknown): VitalchainError | undefined {
  if (isVitalchainError(error)) return error
  if (!(error instanceof Error) || !('code' in error) || !('statusCode' in error)) return undefined
  const { code, statusCode } = error
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE')
    return new VitalchainError('ERR_TOO_LARGE', 'the body is larger than this resource takes')
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE')
    return new VitalchainError('ERR_MEDIA_TYPE', 'this resource takes no body of this media type')
  if (typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500)
    return new VitalchainError('ERR_REQUEST', 'the request is malformed')
  return undefined
}

function problemType(code: string): string {
  return `/errors#${code}`
}
