import {
  ED25519_PUBLIC_KEY_BYTES,
  ED25519_SIGNATURE_BYTES,
  es256PublicKeyFromSec1,
  normalizeEs256,
  sha256,
  VitalchainError,
  type PublicKey,
  type Signer
} from '@vitalchain/core'

// Numbers of PKCS #11 (OASIS, "Cryptographic Token Interface Base Specification" 3.0).
const CKF_SERIAL_SESSION = 0x4
const CKU_USER = 1
const CKO_PUBLIC_KEY = 2
const CKO_PRIVATE_KEY = 3
const CKA_CLASS = 0x0
const CKA_LABEL = 0x3
const CKA_KEY_TYPE = 0x100
const CKA_EC_POINT = 0x181
const CKK_EC = 0x3
const CKK_EC_EDWARDS = 0x40
const CKM_ECDSA = 0x1041
const CKM_EDDSA = 0x1057

const ES256_POINT_BYTES = 65
const SIGNATURE_BYTES = 64
const OCTET_STRING = 0x04
const BIT_STRING = 0x03

interface Attribute {
  readonly type: number
  readonly value?: number | boolean | string | Buffer
}

/** What is used of the class `PKCS11` of the npm package `pkcs11js`. */
export interface Pkcs11 {
  load(path: string): void
  close(): void
  C_Initialize(): void
  C_Finalize(): void
  C_GetSlotList(tokenPresent: boolean): Buffer[]
  C_GetTokenInfo(slot: Buffer): { readonly label: string }
  C_OpenSession(slot: Buffer, flags: number): Buffer
  C_CloseSession(session: Buffer): void
  C_Login(session: Buffer, userType: number, pin: string): void
  C_FindObjectsInit(session: Buffer, template: Attribute[]): void
  C_FindObjects(session: Buffer, max: number): Buffer[]
  C_FindObjectsFinal(session: Buffer): void
  C_GetAttributeValue(
    session: Buffer,
    object: Buffer,
    template: Attribute[]
  ): { readonly value?: unknown }[]
  C_SignInit(session: Buffer, mechanism: { readonly mechanism: number }, key: Buffer): void
  C_SignAsync(session: Buffer, data: Buffer, signature: Buffer): Promise<Buffer>
}

/** Which key of which token signs. */
export interface Pkcs11Init {
  /** The module `pkcs11js`, which the application installs and imports itself: it is native code. */
  readonly pkcs11js: { readonly PKCS11: new () => Pkcs11 }
  /** Path of the token's library, such as `/usr/lib/softhsm/libsofthsm2.so`. */
  readonly library: string
  /** The token's label. */
  readonly token: string
  readonly pin: string
  /** The label that the private and the public key share. */
  readonly key: string
}

/** A signer whose key stays in its token. */
export interface Pkcs11Signer extends Signer {
  /** Ends the session and unloads the library. Never throws; may be called twice. */
  close(): void
}

/**
 * Opens a key of a PKCS #11 token: ECDSA on P-256, or Ed25519 where the token has it.
 *
 * @throws VitalchainError `ERR_TOKEN_KEY` without such a token or key, or when the token refuses; its `sign` too
 */
export function openPkcs11Signer(init: Pkcs11Init): Pkcs11Signer {
  const library = new init.pkcs11js.PKCS11()
  let isOpen = false
  const close = (): void => {
    if (!isOpen) return
    isOpen = false
    // A token that is gone cannot be closed properly, and nothing follows from that.
    for (const step of [() => library.C_Finalize(), () => library.close()]) {
      try {
        step()
      } catch {}
    }
  }
  try {
    library.load(init.library)
    isOpen = true
    library.C_Initialize()
    const signer = openKey(library, init)
    return { ...signer, close }
  } catch (error) {
    close()
    throw tokenFault(error)
  }
}

function openKey(library: Pkcs11, { token, pin, key }: Pkcs11Init): Signer {
  const slot = library
    .C_GetSlotList(true)
    .find(each => library.C_GetTokenInfo(each).label.trimEnd() === token)
  if (slot === undefined) throw tokenFault(undefined, `no token has the label ${token}`)
  const session = library.C_OpenSession(slot, CKF_SERIAL_SESSION)
  library.C_Login(session, CKU_USER, pin)
  const find = (kind: number): Buffer => {
    library.C_FindObjectsInit(session, [
      { type: CKA_CLASS, value: kind },
      { type: CKA_LABEL, value: key }
    ])
    const found = library.C_FindObjects(session, 2)
    library.C_FindObjectsFinal(session)
    const [only] = found
    if (only === undefined || found.length > 1)
      throw tokenFault(undefined, `the token needs exactly one key pair with the label ${key}`)
    return only
  }
  const privateKey = find(CKO_PRIVATE_KEY)
  const publicKey = readPublicKey(library, session, find(CKO_PUBLIC_KEY))
  const isEd25519 = publicKey.algorithm === 'ed25519'
  const mechanism = { mechanism: isEd25519 ? CKM_EDDSA : CKM_ECDSA }
  // A session signs one thing at a time.
  let last: Promise<unknown> = Promise.resolve()
  return {
    publicKey,
    sign(message) {
      const input = Buffer.from(isEd25519 ? message : sha256(message))
      const signature = last.then(async () => {
        try {
          library.C_SignInit(session, mechanism, privateKey)
          const out = await library.C_SignAsync(session, input, Buffer.alloc(SIGNATURE_BYTES))
          return isEd25519 ? ed25519Signature(out) : normalizeEs256(Uint8Array.from(out))
        } catch (error) {
          throw tokenFault(error)
        }
      })
      last = signature.catch(() => undefined)
      return signature
    }
  }
}

function readPublicKey(library: Pkcs11, session: Buffer, object: Buffer): PublicKey {
  const [type, point] = library.C_GetAttributeValue(session, object, [
    { type: CKA_KEY_TYPE },
    { type: CKA_EC_POINT }
  ])
  const kind = numberOf(type?.value)
  const bytes = point?.value instanceof Uint8Array ? unwrap(point.value) : new Uint8Array(0)
  if (kind === CKK_EC && bytes.length === ES256_POINT_BYTES)
    return { algorithm: 'es256', bytes: es256PublicKeyFromSec1(bytes) }
  if (kind === CKK_EC_EDWARDS && bytes.length === ED25519_PUBLIC_KEY_BYTES)
    return { algorithm: 'ed25519', bytes }
  throw tokenFault(undefined, 'the key is neither ECDSA on P-256 nor Ed25519')
}

/** CKA_EC_POINT is the point in an OCTET STRING (2.3.3 of the EC mechanisms), in some tokens in a BIT STRING or bare. */
function unwrap(point: Uint8Array): Uint8Array {
  const [tag, length] = point
  const isWhole = length === point.length - 2
  if (isWhole && tag === OCTET_STRING) return Uint8Array.from(point.subarray(2))
  if (isWhole && tag === BIT_STRING) return Uint8Array.from(point.subarray(3))
  return Uint8Array.from(point)
}

/** A CK_ULONG as pkcs11js gives it: in the machine's order, of which all that Node runs on are little-endian. */
function numberOf(value: unknown): number | undefined {
  if (typeof value === 'number') return value
  return value instanceof Uint8Array ? value[0] : undefined
}

function ed25519Signature(signature: Uint8Array): Uint8Array {
  if (signature.length !== ED25519_SIGNATURE_BYTES)
    throw new VitalchainError('ERR_SIGNATURE_INVALID', 'not an Ed25519 signature')
  return Uint8Array.from(signature)
}

function tokenFault(cause: unknown, message: string = 'the token refused'): VitalchainError {
  return cause instanceof VitalchainError
    ? cause
    : new VitalchainError('ERR_TOKEN_KEY', message, { cause })
}
