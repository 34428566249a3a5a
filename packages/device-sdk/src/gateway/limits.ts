// Every limit of the gateway, with its unit and its reason.

/** Sensors of one gateway: each has a key, an outbox and a session with a node. A ward has tens. */
export const SENSORS_MAX: number = 1_024

/** Bytes of one message of a sensor. A second of a waveform of twelve leads, as JSON, has about 50 000. */
export const SENSOR_MESSAGE_BYTES_MAX: number = 65_536

/** Values in one message of a sensor. */
export const SENSOR_VALUES_MAX: number = 4_096

/** Readings a second that a sensor may send unless told otherwise: a waveform of 500 a second, twice. */
export const SENSOR_RATE_DEFAULT: number = 1_000

/** So many seconds of its rate a sensor may send at once: what it kept while its network was away for a moment. */
export const SENSOR_BURST_S: number = 10

/** Readings of a sensor that wait until they are stored. Above it the sensor's messages wait before they are taken. */
export const SENSOR_WAITING_MAX: number = 8_192

/** Identities of messages that are remembered of each sensor, on disk: more than a broker may deliver again. */
export const SEEN_MAX: number = 4_096

/** Bytes of the journal of a sensor's identities before it is written anew. The identities themselves take about 150 000. */
export const SEEN_JOURNAL_BYTES: number = 1_048_576

/** Messages of a broker that are under way at once, not acknowledged yet. */
export const UNACKED_MAX: number = 256

/**
 * Messages under way at which batches are stored although they are not full. Brokers send no more while so many are not
 * acknowledged: Mosquitto's `max_inflight_messages` is 20.
 */
export const UNACKED_FLUSH: number = 16

/** How long a broker keeps what came while the gateway was away, s: a week. MQTT 5 section 3.1.2.11.2 */
export const BROKER_SESSION_S: number = 604_800

/** How long to wait before a broker is tried again, ms. */
export const BROKER_RETRY_MS: number = 1_000

/** Edge nodes of Sparkplug whose state is kept. */
export const EDGE_NODES_MAX: number = 256

/** Metrics in one payload of Sparkplug, and aliases of one edge node. */
export const METRICS_MAX: number = 4_096

/** How long an edge node is given to answer a request for its birth before it is asked again, ms. */
export const REBIRTH_MS: number = 5_000

/** Connections that sensors may hold open at once by HTTP. */
export const HTTP_CONNECTIONS_MAX: number = 256

/** How long a sensor may take to send a request, ms. */
export const HTTP_REQUEST_MS: number = 10_000

/** The shortest token that sensors may show, in characters: 128 bits in base 64. */
export const HTTP_TOKEN_LENGTH_MIN: number = 22
