import { randomBytes, timingSafeEqual } from 'node:crypto'
import type { StateReader } from '@vitalchain/contracts'
import {
  concatBytes,
  decodeCbor,
  equalBytes,
  hmacSha256,
  openCose,
  openSession,
  sha256,
  toHex,
  u64be,
  utf8,
  VitalchainError
} from '@vitalchain/core'
import { checkDeviceKey } from '../devices/known-device.ts'

/** How long a challenge may be answered, ms: a slow radio link and a slow secure element take a few seconds. */
export const CHALLENGE_MS: number = 60_000

/** How long a device's token is good, ms. A new one costs two requests. At least {@link CHALLENGE_MS}: see `open`. */
export const DEVICE_TOKEN_MS: number = 15 * 60_000

/** Tokens of one device at once: each connection takes one, and one that connects without end gets so many in a minute. */
export const DEVICE_TOKENS_MAX: number = 16

/** Tokens of all devices at once, about 5 MB. */
const TOKENS_MAX = 10_000

const TOKEN_SECRET_BYTES = 32
const CHALLENGE_MAC_BYTES = 16
/** Bytes of a signed session's content; see core's `Session`. */
const SESSION_BYTES_MAX = 256

/** What a device's token rests on. */
export interface DeviceTokenGround {
  readonly network: Uint8Array
  /** The node's transport key, which the device signs. */
  readonly transportKey: Uint8Array
  readonly state: StateReader
}

/** Bearer tokens for devices that showed who they are by signing a challenge. spec S-2 */
export interface DeviceTokens {
  /** 32 bytes for a device to sign, good once and for {@link CHALLENGE_MS}. Takes no memory here. */
  challenge(): Uint8Array
  /**
   * Gives a token for a signed session (a COSE_Sign1 of core's `signSession`).
   *
   * @throws VitalchainError `ERR_SESSION` for a challenge that is not ours, too old or used, `ERR_SIGNATURE`,
   * `ERR_DEVICE_UNKNOWN`, `ERR_BUSY` (retryable) at a limit, or as core's `openSession`
   */
  open(cose: Uint8Array): { readonly token: string; readonly expiresInMs: number }
  /** The device that a token was given to; undefined for any other text. */
  find(token: string): Uint8Array | undefined
}

/** One token, filed under the challenge that it was given for. */
interface Issued {
  readonly device: Uint8Array
  readonly secretHash: Uint8Array
  /** ms since 1970 */
  readonly expires: number
}

/**
 * Makes {@link DeviceTokens}. A challenge carries its own end and a MAC, so that strangers who ask for challenges cost no
 * memory and push no device's out. Its answer is filed under it for longer than it is good: so it is good once.
 */
export function createDeviceTokens(ground: DeviceTokenGround, now: () => number): DeviceTokens {
  const macKey = randomBytes(32)
  const issued = new Map<string, Issued>()

  const macOf = (content: Uint8Array): Uint8Array =>
    hmacSha256(macKey, content).subarray(0, CHALLENGE_MAC_BYTES)

  function isOpen(challenge: Uint8Array): boolean {
    const content = challenge.subarray(0, -CHALLENGE_MAC_BYTES)
    if (!timingSafeEqual(macOf(content), challenge.subarray(-CHALLENGE_MAC_BYTES))) return false
    const { buffer, byteOffset } = challenge
    const remaining = Number(new DataView(buffer, byteOffset).getBigUint64(0)) - now()
    // More than the whole time means that the clock was set back: then nobody knows how old it is.
    return remaining > 0 && remaining <= CHALLENGE_MS
  }

  /** A device whose connections break again and again gives up its oldest token, once the challenge of that is no longer good. */
  function makeRoom(device: Uint8Array): void {
    const time = now()
    for (const [name, each] of issued) if (each.expires <= time) issued.delete(name)
    const own = [...issued].filter(([, each]) => equalBytes(each.device, device))
    const [oldest] = own
    if (own.length >= DEVICE_TOKENS_MAX && oldest !== undefined) {
      const [name, { expires }] = oldest
      if (expires - DEVICE_TOKEN_MS + CHALLENGE_MS <= time) issued.delete(name)
      else throw tooMany()
    }
    if (issued.size >= TOKENS_MAX) throw tooMany()
  }

  return {
    challenge() {
      const content = concatBytes([u64be(now() + CHALLENGE_MS), randomBytes(8)])
      return concatBytes([content, macOf(content)])
    },
    open(cose) {
      const challenge = challengeIn(cose)
      const name = toHex(challenge)
      if (!isOpen(challenge) || issued.has(name))
        throw new VitalchainError('ERR_SESSION', 'the challenge is not open; ask for another one')
      const { network, transportKey: node, state } = ground
      const { device, signed } = openSession(cose, { network, node, challenge })
      checkDeviceKey(state, device, signed.publicKey)
      makeRoom(device)
      const secret = randomBytes(TOKEN_SECRET_BYTES).toString('base64url')
      issued.set(name, {
        device,
        secretHash: sha256(utf8(secret)),
        expires: now() + DEVICE_TOKEN_MS
      })
      return { token: `${name}.${secret}`, expiresInMs: DEVICE_TOKEN_MS }
    },
    find(token) {
      const [name = '', secret = ''] = token.split('.', 2)
      const found = issued.get(name)
      if (found === undefined || found.expires <= now()) return undefined
      return timingSafeEqual(sha256(utf8(secret)), found.secretHash) ? found.device : undefined
    }
  }
}

function tooMany(): VitalchainError {
  return new VitalchainError('ERR_BUSY', 'too many sessions are open; come back later', {
    retryable: true
  })
}

/** The challenge that a session says it answers. `openSession` checks everything in it afterwards. */
function challengeIn(cose: Uint8Array): Uint8Array {
  const fields = decodeCbor(openCose(cose).payload, SESSION_BYTES_MAX)
  const challenge: unknown = Array.isArray(fields) ? fields[3] : undefined
  if (!(challenge instanceof Uint8Array) || challenge.length !== 32)
    throw new VitalchainError('ERR_SCHEMA', 'session: expected a challenge of 32 bytes')
  return challenge
}
