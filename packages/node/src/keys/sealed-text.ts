import {
  createCipheriv,
  createDecipheriv,
  randomBytes,
  scrypt,
  type ScryptOptions
} from 'node:crypto'
import { toHex, utf8, VitalchainError } from '@vitalchain/core'
import type { JsonReader } from '../cli/json-file.ts'

/** Names the form of an encrypted file of keys, so that another one can follow. spec F-33 */
export const SEALED_FORMAT: string = 'vitalchain-keys/1'

/** scrypt (RFC 7914): 128 MiB of memory and about 0.4 s for each guess of a passphrase, as OWASP recommends. */
const COST = { N: 2 ** 17, r: 8, p: 1 } as const

/** Memory that a file may ask for to be opened, bytes: twice as much as four times the cost of today. */
const MEMORY_BYTES_MAX = 1024 * 1024 * 1024

const SALT_BYTES = 32
/** AES-256-GCM (NIST SP 800-38D): key, nonce and tag. */
const KEY_BYTES = 32
const NONCE_BYTES = 12
const TAG_BYTES = 16

/** How a key is derived from a passphrase. */
interface Kdf {
  readonly N: number
  readonly r: number
  readonly p: number
  readonly salt: Uint8Array
}

/** The key of a sealed file. It takes memory and time to derive, and it says nothing about the passphrase. */
export interface SealKey {
  readonly kdf: Kdf
  readonly key: Uint8Array
}

/** A new key of a passphrase, with a salt of its own. */
export async function newSealKey(
  passphrase: string,
  cost: Omit<Kdf, 'salt'> = COST
): Promise<SealKey> {
  const kdf = { ...cost, salt: Uint8Array.from(randomBytes(SALT_BYTES)) }
  return { kdf, key: await derive(passphrase, kdf) }
}

/** Whether what was read is sealed. */
export function isSealed(file: JsonReader): boolean {
  return file.optional('format') !== undefined
}

/**
 * The key that opens a sealed file.
 *
 * @throws VitalchainError `ERR_FILE` when it is not of the known form
 */
export async function sealKeyOf(file: JsonReader, passphrase: string): Promise<SealKey> {
  const kdf = readKdf(file)
  return { kdf, key: await derive(passphrase, kdf) }
}

/** Whether a key was made for this file. */
export function isKeyOf(file: JsonReader, { kdf }: SealKey): boolean {
  return JSON.stringify(kdfJson(readKdf(file))) === JSON.stringify(kdfJson(kdf))
}

/** Encrypts a text; the nonce is drawn anew each time. The head of the file is authenticated too. */
export function seal(text: string, { kdf, key }: SealKey): string {
  const nonce = randomBytes(NONCE_BYTES)
  const head = { format: SEALED_FORMAT, kdf: kdfJson(kdf), cipher: 'aes-256-gcm' }
  const cipher = createCipheriv('aes-256-gcm', key, nonce)
  cipher.setAAD(utf8(JSON.stringify(head)))
  const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()])
  const file = { ...head, nonce: toHex(nonce), sealed: toHex(sealed) }
  return `${JSON.stringify(file, undefined, 2)}\n`
}

/**
 * Decrypts a sealed file.
 *
 * @throws VitalchainError `ERR_PASSPHRASE` when the passphrase is another one or a byte of the file was changed, which look alike;
 * `ERR_FILE`
 */
export function unseal(file: JsonReader, { kdf, key }: SealKey): string {
  const nonce = file.field('nonce').hex(NONCE_BYTES)
  const sealed = file.field('sealed').hex()
  const head = { format: SEALED_FORMAT, kdf: kdfJson(kdf), cipher: 'aes-256-gcm' }
  const text = Math.max(0, sealed.length - TAG_BYTES)
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, nonce)
    decipher.setAAD(utf8(JSON.stringify(head)))
    decipher.setAuthTag(sealed.subarray(text))
    const opened = [decipher.update(sealed.subarray(0, text)), decipher.final()]
    return Buffer.concat(opened).toString('utf8')
  } catch {
    throw new VitalchainError(
      'ERR_PASSPHRASE',
      'the passphrase does not open keys.json, or the file was changed'
    )
  }
}

function readKdf(file: JsonReader): Kdf {
  const cipher = file.field('cipher').text()
  const kdf = file.field('kdf')
  const name = kdf.field('name').text()
  if (
    file.field('format').text() !== SEALED_FORMAT ||
    cipher !== 'aes-256-gcm' ||
    name !== 'scrypt'
  )
    throw new VitalchainError('ERR_FILE', `keys.json is not of the form ${SEALED_FORMAT}`)
  const read = {
    N: kdf.field('N').integer(2),
    r: kdf.field('r').integer(1),
    p: kdf.field('p').integer(1),
    salt: kdf.field('salt').hex()
  }
  if (memoryOf(read) > MEMORY_BYTES_MAX)
    throw new VitalchainError('ERR_FILE', 'keys.json asks for more memory than is given')
  return read
}

function kdfJson({ N, r, p, salt }: Kdf): object {
  return { name: 'scrypt', N, r, p, salt: toHex(salt) }
}

function memoryOf({ N, r, p }: Kdf): number {
  return 128 * r * (N + p)
}

function derive(passphrase: string, kdf: Kdf): Promise<Uint8Array> {
  const { N, r, p, salt } = kdf
  // Some room: OpenSSL counts a little more than the blocks.
  const options: ScryptOptions = { N, r, p, maxmem: 2 * memoryOf(kdf) }
  return new Promise((resolve, reject) => {
    // One text for what keyboards write in several ways.
    scrypt(passphrase.normalize('NFKC'), salt, KEY_BYTES, options, (error, key) => {
      if (error === null) resolve(Uint8Array.from(key))
      else
        reject(
          new VitalchainError('ERR_FILE', 'keys.json: its key cannot be derived', { cause: error })
        )
    })
  })
}
