// Every limit of the ledger's formats, with its unit and its reason. They are part of the protocol: two nodes
// with different limits would disagree on a block.

/** Bytes of a transaction: the length field of a C2SP tile entry is 16 bits wide. */
export const TRANSACTION_BYTES_MAX: number = 65_535

/** Bytes of an encrypted payload: one message over any transport; longer recordings are a sequence of batches. */
export const PAYLOAD_BYTES_MAX: number = 64 * 1024

/** Transactions in a block: their hashes (64 kB) still travel in one proposal, and a vote waits well under a second. */
export const BLOCK_TRANSACTIONS_MAX: number = 2_000

/** Bytes of a block's transactions together: what a 10 Mbit/s link carries in about a second. */
export const BLOCK_BYTES_MAX: number = 1024 * 1024

/** Bytes of the payloads that a block refers to: every member must hold them before it votes. */
export const BLOCK_PAYLOAD_BYTES_MAX: number = 4 * 1024 * 1024

/** Validators in a set: votes go directly from each to each, n squared messages a block. */
export const VALIDATORS_MAX: number = 50

/** Validators below which no fault is tolerated; fewer need the genesis flag `unsafeSmallNetwork`. */
export const VALIDATORS_SAFE_MIN: number = 4

/** Hand-overs of the validator set in one receipt: one a month for over 80 years. */
export const HANDOVERS_MAX: number = 1_000

/** Bytes of a header: about 450 are used. */
export const HEADER_BYTES_MAX: number = 1_024

/** Bytes of a genesis document: 50 members with their keys take about 15 kB. */
export const GENESIS_BYTES_MAX: number = 64 * 1024

/** Bytes of a certificate: 34 signatures of 64 bytes and a bitmap of 7 bytes for 50 validators. */
export const CERTIFICATE_BYTES_MAX: number = 4 * 1024

/** Hashes in an inclusion path: a tree of 2^53 leaves, the largest size that a number can hold exactly. */
export const INCLUSION_PATH_MAX: number = 53

/** Hashes in a consistency proof: one a level, and the subtree that both trees share (RFC 9162 section 2.1.4). */
export const CONSISTENCY_PATH_MAX: number = INCLUSION_PATH_MAX + 1

/** Bytes of a receipt: fits one frame of 4 MiB, with hundreds of hand-overs and their lists of validators. */
export const RECEIPT_BYTES_MAX: number = 4 * 1024 * 1024 - 64 * 1024

/** Characters of a name of a network or member: fits one line on a screen. */
export const NAME_CHARACTERS_MAX: number = 64

/** The last view there is: it is a u32 in the signed bytes. */
export const VIEW_MAX: number = 0xffff_ffff

/** The last view that a view change can claim: below its own. One more would have the signed bytes of -1. */
export const PREPARED_VIEW_MAX: number = VIEW_MAX - 1

/** Bytes of a key of the state: a table's name and an identifier, of which the longest today has 95. */
export const STATE_KEY_BYTES_MAX: number = 256

/** Bytes of one value in the state. Values are small records; lists belong into several keys. */
export const STATE_VALUE_BYTES_MAX: number = 64 * 1024

/** Statements in one completeness proof: three days of one a minute, and 2 to 3 MB. Longer ranges are several that join. */
export const COMPLETENESS_STATEMENTS_MAX: number = 4_096
