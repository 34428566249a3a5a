// Every limit of the light client, with its unit and its reason.

/** Nodes that a client follows at once: more than there are members. */
export const PEERS_MAX: number = 64

/** How often a peer is asked whether there is a new block unless told otherwise, ms. */
export const POLL_MS_DEFAULT: number = 2_000

/** The shortest time between two questions, ms: a node answers many clients. */
export const POLL_MS_MIN: number = 100

/** How long one answer may take, ms: the largest one over 1 Mbit/s. */
export const ANSWER_MS: number = 40_000

/** The first wait after a peer failed, ms. It doubles with each failure in a row. */
export const PEER_BACKOFF_MIN_MS: number = 500

/** The longest wait after a peer failed, ms. One that lied for a year costs one question in so long. */
export const PEER_BACKOFF_MAX_MS: number = 60_000

/** Bytes of a node's status: about 1 kB for each of 50 members that it may have something to say of. */
export const STATUS_BYTES_MAX: number = 64 * 1024

/** Bytes that are read of a refusal: about 250 are used. */
export const PROBLEM_BYTES_MAX: number = 8 * 1024

/** Characters of a peer's URL or token that are accepted. */
export const URL_CHARACTERS_MAX: number = 2_048

/** Certificates that are remembered as good: those of 1 000 hand-overs, and of the newest headers. */
export const CERTIFICATES_REMEMBERED: number = 1_280

/** How often a step is tried again because another peer was quicker, before the next poll. */
export const STEPS_OVERTAKEN_MAX: number = 4
