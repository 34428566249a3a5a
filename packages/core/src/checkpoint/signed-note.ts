import { concatBytes, toHex, u8, utf8 } from '../bytes.ts'
import { sha256 } from '../crypto/hash.ts'
import { VitalchainError } from '../errors.ts'
import { fromBase64, toBase64 } from './base64.ts'

/**
 * Characters of a signed note: the two lines of 50 validators take 25 kB, and 16 post-quantum signatures of others,
 * which a reader must bear (C2SP signed-note), take 107 kB.
 */
export const NOTE_CHARACTERS_MAX: number = 256 * 1024

/** Signature lines of a note: two of each of 50 validators; what Go's `sumdb/note` reads at most. */
export const NOTE_SIGNATURES_MAX: number = 100

/** The byte that tells what a key of a note signs: C2SP signed-note, "Signature types". */
export const NOTE_KEY_TYPE: Readonly<Record<'ed25519' | 'cosignature', number>> = {
  /** Ed25519 over the text. */
  ed25519: 0x01,
  /** Ed25519 over a time and the text: C2SP tlog-cosignature. */
  cosignature: 0x04
}

/** Bytes of a key id, which stand in front of each signature. */
const KEY_ID_BYTES = 4

/** One signature line of a note. */
export interface NoteSignature {
  /** The name of the key: no spaces, no plus sign. */
  readonly name: string
  /** Four bytes: with the name it says which key signed in which way. */
  readonly keyId: Uint8Array
  /** The rest, as the kind of key defines it. */
  readonly signature: Uint8Array
}

/** A text with signatures, none of them checked yet. */
export interface SignedNote {
  /** The signed text, with the newline at its end. */
  readonly text: string
  readonly signatures: readonly NoteSignature[]
}

/** A key of a note, as its reader knows it. */
export interface NoteKey {
  readonly name: string
  readonly type: keyof typeof NOTE_KEY_TYPE
  /** Ed25519, 32 bytes. */
  readonly publicKey: Uint8Array
}

/** The key id: the first four bytes of SHA-256(name || 0x0A || type || public key). C2SP signed-note, "Signatures". spec K-3. */
export function noteKeyId({ name, type, publicKey }: NoteKey): Uint8Array {
  return sha256(concatBytes([utf8(`${name}\n`), u8(NOTE_KEY_TYPE[type]), publicKey])).slice(
    0,
    KEY_ID_BYTES
  )
}

/** A key as the text by which generic tools are told it, a "vkey": C2SP signed-note, "Verifier keys". spec K-3. */
export function verifierKey(key: NoteKey): string {
  const material = concatBytes([u8(NOTE_KEY_TYPE[key.type]), key.publicKey])
  return `${key.name}+${toHex(noteKeyId(key))}+${toBase64(material)}`
}

/** The text of a signed note: C2SP signed-note, "Format". spec K-3. */
export function formatNote({ text, signatures }: SignedNote): string {
  const lines = signatures.map(
    ({ name, keyId, signature }) => `— ${name} ${toBase64(concatBytes([keyId, signature]))}\n`
  )
  return `${text}\n${lines.join('')}`
}

/**
 * Takes a signed note apart. It checks the form and no signature.
 *
 * @throws VitalchainError `ERR_TOO_LARGE` above {@link NOTE_CHARACTERS_MAX}, `ERR_SCHEMA` for a text of another form or
 * with more than {@link NOTE_SIGNATURES_MAX} signatures. spec K-3
 */
export function parseNote(note: string): SignedNote {
  checkText(note, 'signed note', NOTE_CHARACTERS_MAX)
  // The last empty line: the text itself may hold others.
  const split = note.lastIndexOf('\n\n')
  if (split < 0 || !note.endsWith('\n'))
    throw unfit('signed note', 'a text, an empty line and signatures')
  const lines = note.slice(split + 2, -1).split('\n')
  if (lines.length > NOTE_SIGNATURES_MAX)
    throw unfit('signed note', `at most ${NOTE_SIGNATURES_MAX} signatures`)
  return { text: note.slice(0, split + 1), signatures: lines.map(parseSignature) }
}

function parseSignature(line: string): NoteSignature {
  const [, name = '', encoded = ''] = /^— ([^\p{White_Space}+]+) (\S+)$/u.exec(line) ?? []
  const bytes = fromBase64(encoded)
  if (bytes === undefined || bytes.length <= KEY_ID_BYTES)
    throw unfit('signed note', 'signature lines of a dash, a name and a signature in base64')
  return {
    name,
    keyId: bytes.subarray(0, KEY_ID_BYTES),
    signature: bytes.subarray(KEY_ID_BYTES)
  }
}

/** Refuses a text that is too long, is no Unicode, or holds control characters other than newline. */
export function checkText(text: string, what: string, charactersMax: number): void {
  if (text.length > charactersMax) {
    throw new VitalchainError(
      'ERR_TOO_LARGE',
      `${what}: ${text.length} characters where at most ${charactersMax} are allowed`,
      { values: { characters: text.length, charactersMax } }
    )
  }
  // oxlint-disable-next-line no-control-regex -- they are what is looked for
  if (!text.isWellFormed() || /[\u0000-\u0009\u000b-\u001f]/.test(text))
    throw unfit(what, 'Unicode text without control characters')
}

/** The error for a text that breaks its form. */
export function unfit(what: string, expected: string): VitalchainError {
  return new VitalchainError('ERR_SCHEMA', `${what}: expected ${expected}`, { values: { what } })
}
