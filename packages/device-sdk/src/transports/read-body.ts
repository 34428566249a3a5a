import { concatBytes, VitalchainError } from '@vitalchain/core'

/**
 * The bytes of an answer.
 *
 * @throws VitalchainError `ERR_FRAME_TOO_LARGE` for more than so many, before the rest is taken
 */
export async function readBody(response: Response, bytesMax: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  let length = 0
  if (response.body === null) return concatBytes([])
  const reader: ReadableStreamDefaultReader<Uint8Array> = response.body.getReader()
  while (true) {
    const { value, done } = await reader.read()
    if (done) break
    length += value.length
    if (length > bytesMax) {
      await reader.cancel()
      throw new VitalchainError(
        'ERR_FRAME_TOO_LARGE',
        `an answer is longer than ${bytesMax} bytes`,
        {
          values: { limit: bytesMax }
        }
      )
    }
    parts.push(value)
  }
  return concatBytes(parts)
}
