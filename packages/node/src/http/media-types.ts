/** CBOR (RFC 8949), in this project always in its one deterministic form. */
export const CBOR: string = 'application/cbor'

/** A COSE message (RFC 9052). */
export const COSE: string = 'application/cose'

/** A COSE Receipt (RFC 9942); the media type is of RFC 9943. */
export const COSE_RECEIPT: string = 'application/scitt-receipt+cose'

/** JSON (RFC 8259). */
export const JSON_TYPE: string = 'application/json'

/** Text of C2SP formats, which are UTF-8. */
export const TEXT: string = 'text/plain; charset=utf-8'

/** Bytes without a form that HTTP knows. */
export const OCTETS: string = 'application/octet-stream'
