import { InvalidArgumentError } from 'commander'

/** A parser of a whole number from `min` to `max`, for an option's value. */
export function countArgument(min: number, max: number): (text: string) => number {
  return text => {
    const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN
    if (value >= min && value <= max) return value
    throw new InvalidArgumentError(`Expected a whole number from ${min} to ${max}.`)
  }
}

/** Parses a factor above 0, such as 0.5 or 60. */
export function factorArgument(text: string): number {
  const value = /^\d{1,9}(\.\d{1,9})?$/.test(text) ? Number(text) : Number.NaN
  if (value > 0) return value
  throw new InvalidArgumentError('Expected a number above 0.')
}

/** Parses 32 bytes in hexadecimal. */
export function hashArgument(text: string): Uint8Array {
  if (/^[0-9a-fA-F]{64}$/.test(text)) return Uint8Array.from(Buffer.from(text, 'hex'))
  throw new InvalidArgumentError('Expected 64 hexadecimal digits.')
}
