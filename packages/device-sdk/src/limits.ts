// Every limit of the SDK, with its unit and its reason.

/** Readings in a batch unless told otherwise: a minute at one a second, so one signature a minute. */
export const BATCH_READINGS_DEFAULT: number = 60

/** How long a reading waits for its batch to fill unless told otherwise, ms: until then a power cut loses it. */
export const BATCH_MS_DEFAULT: number = 10_000

/** Readings that wait for their batch or for room in the outbox, per lane. Above it `record` refuses. */
export const READINGS_WAITING_MAX: number = 65_536

/**
 * Samples of signals that wait for room in the outbox, per lane: 16 MiB as they were handed over. Above it `recordSamples`
 * refuses.
 */
export const SAMPLES_WAITING_MAX: number = 4 * 1024 * 1024

/**
 * Bytes of signed statements and payloads that wait in the lane of readings: a week of five channels once a second, in
 * batches of 60, takes about 45 MB. With the urgent lane it fits 64 MB of disk.
 */
export const OUTBOX_BYTES_MAX: number = 48 * 1024 * 1024

/** Bytes that wait in the urgent lane: ten thousand alarms, each in a statement of its own. */
export const OUTBOX_URGENT_BYTES_MAX: number = 8 * 1024 * 1024

/** How long one epoch of a stream's keys lasts, ms: consent can be granted and withdrawn by the hour. */
export const EPOCH_MS: number = 3_600_000

/** Statements of a lane under way at once: a node holds as many that came ahead of their predecessor. */
export const WINDOW_STATEMENTS_MAX: number = 64

/** Bytes of a lane under way at once: both lanes together are the 1 MiB that a node holds for a device. */
export const WINDOW_BYTES_MAX: number = 512 * 1024

/**
 * How long a lane waits for its next proof before another node is tried, ms: at least this, for a healthy network takes up to a
 * second and a node may hold a busy device back for 1.8 s, and at most {@link COMMIT_WAIT_MAX_MS}. Between them what proofs
 * took lately decides, and each wait in vain doubles it.
 */
export const COMMIT_WAIT_MIN_MS: number = 2_000

/** The longest wait for a proof before another node is tried, ms: no node holds a device up longer. */
export const COMMIT_WAIT_MAX_MS: number = 10_000

/** How long it may take to connect, show who we are and learn where the lanes stand, ms. */
export const HANDSHAKE_MS: number = 10_000

/** How long an enrolling device waits before it asks a node again whether the ledger knows it, ms. */
export const ENROL_POLL_MS: number = 500

/** The first wait between two connections, ms. It doubles while nothing is proved. */
export const BACKOFF_MIN_MS: number = 250

/** The longest wait between two connections, ms: a device is back within seconds of the end of any outage. */
export const BACKOFF_MAX_MS: number = 10_000

/**
 * Final refusals in a row that stop a lane, or one more than the network may have faulty nodes if that is more.
 * Each comes from the next node in turn, so a single lying or lagging one cannot stop a device.
 */
export const REFUSALS_MIN: number = 3

/** Events kept for a reader that does not keep up. Then the oldest are dropped and it is told how many. */
export const EVENTS_MAX: number = 256

/** A full outbox drops this part of its bytes at once, so that one signature and one write serve for many statements. */
export const OUTBOX_DROP_PARTS: number = 16

/** Bytes that a signed gap takes at most: F-12 and its signature. Less than two of them is not worth one. */
export const GAP_BYTES_MAX: number = 2_048

/**
 * How wide the bound of the clock's error may be beyond the precision of the members' clocks before they are asked again, ms.
 * Over a good connection that is once in about fifteen minutes.
 */
export const TIME_SLACK_MS: number = 500

/** How long after a question for the time that brought no agreement the next one is sent, ms. */
export const TIME_RETRY_MS: number = 10_000

/** The same where the clock's error is known and only its bound is wide, as over a slow connection, ms. */
export const TIME_AGAIN_MS: number = 60_000

/** How much timers may drift, in millionths: the most that NTP (RFC 5905, MAXFREQ) corrects in a working clock. */
export const CLOCK_DRIFT_PPM: number = 500

/** How far the device's clock may move against its timers before it counts as set, ms: half of it adds to the uncertainty. */
export const CLOCK_STEP_MS: number = 500
