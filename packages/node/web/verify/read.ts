import { fromHex, isVitalchainError } from '@vitalchain/core'

/** Bytes of a file that is taken: the largest proofs have 32 MB. */
const FILE_BYTES_MAX = 64 * 1024 * 1024

/** The bytes of a file that the reader chose. @throws Error when it is too long */
export async function readFile(file: File): Promise<Uint8Array> {
  if (file.size > FILE_BYTES_MAX) throw new Error(`${file.name} is larger than any proof`)
  return new Uint8Array(await file.arrayBuffer())
}

/** What was pasted, as bytes: hexadecimal, base64, or a proof that is text. */
export function pastedBytes(text: string): Uint8Array {
  const packed = text.replace(/\s+/g, '')
  if (packed.length > 0 && /^([0-9a-f]{2})+$/i.test(packed)) return fromHex(packed.toLowerCase())
  if (packed.length > 40 && /^[A-Za-z0-9+/_-]+={0,2}$/.test(packed)) {
    try {
      const plain = atob(packed.replaceAll('-', '+').replaceAll('_', '/'))
      return Uint8Array.from(plain, letter => letter.charCodeAt(0))
    } catch {
      // No base64 after all.
    }
  }
  return new TextEncoder().encode(text)
}

/** Why something failed, in words. */
export function reasonOf(error: unknown): string {
  if (isVitalchainError(error)) return `${error.message} (${error.code})`
  return error instanceof Error ? error.message : String(error)
}
