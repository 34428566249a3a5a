// Every limit of the replica, with its unit and its reason. All are local: replicas that differ still agree.

/** Views on either side of the current one whose votes are kept: older ones may still complete a commit. */
export const VIEWS_KEPT: number = 4

/** Prepared certificates remembered as verified, one a view, so that n view changes cost one verification. */
export const CERTIFICATES_KEPT: number = 8

/** Shortest base of the view timeout, ms: below it, scheduling noise on a busy machine looks like a fault. */
export const BASE_TIMEOUT_MIN_MS: number = 250

/** Longest base of the view timeout, ms: a leader that stalls on purpose costs no more than this. */
export const BASE_TIMEOUT_MAX_MS: number = 4_000

/** The base before anything was measured is four times this, ms. */
export const FIRST_LATENCY_MS: number = 250

/** The base is this many times the measured time to commit: a jitter of four is no fault. */
export const TIMEOUT_PER_LATENCY: number = 4

/** Weight of one new measurement in the moving average: about the last eight blocks count. */
export const LATENCY_WEIGHT: number = 1 / 8

/** Doublings of the timeout. The exponent is clamped before it is used, so no view can overflow it. */
export const TIMEOUT_DOUBLINGS_MAX: number = 6

/** Views of one length, once the first f + 1 failed: two leaders in a row get the same chance. */
export const VIEWS_PER_DOUBLING: number = 2

/** Longest view timeout, ms: three message delays and an execution on the worst line that is served. */
export const VIEW_TIMEOUT_MAX_MS: number = 60_000

/** Shortest and longest time between two resends, ms: heals in about a second and floods nobody. */
export const RESEND_MIN_MS: number = 200
export const RESEND_MAX_MS: number = 2_000

/** How far a resend moves from its interval, as a fraction, so that replicas do not resend in step. */
export const RESEND_JITTER: number = 0.2

/** One answer with the last certificate for each peer in this time, ms: a flood of old messages costs nothing. */
export const DECIDED_ANSWER_MS: number = 200

/** One answer to a validator that asks what it signed, in this time, ms: shorter than any resend interval. */
export const INQUIRY_ANSWER_MS: number = 100

/** One hint to catch up in this time, ms: a height is claimed, not proved, by the message that carries it. */
export const SYNC_HINT_MS: number = 500

/** Bytes of a message: 2 000 transaction hashes, two certificates and the claims of 34 view changes of 50. */
export const MESSAGE_BYTES_MAX: number = 128 * 1024

/** Justified proposals of a height that are kept for `blame`: 64 failed views take most of an hour. */
export const RECORD_PROPOSALS_MAX: number = 64

/** Bytes of a height's record: 64 justifications of 34 claims and a certificate, 450 COMMITs and 50 view changes. */
export const RECORD_BYTES_MAX: number = 768 * 1024

/** Bytes of a vote state: a proposal, a view change, a prepared block and its certificate. */
export const VOTE_STATE_BYTES_MAX: number = 256 * 1024
