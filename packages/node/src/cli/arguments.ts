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

/** Parses bytes in hexadecimal, one at least. */
export function hexArgument(text: string): Uint8Array {
  if (/^([0-9a-fA-F]{2})+$/.test(text)) return Uint8Array.from(Buffer.from(text, 'hex'))
  throw new InvalidArgumentError('Expected hexadecimal digits.')
}

/** Parses a place in a lane, such as 3.17: the boot and the number of the statement. */
export function placeArgument(text: string): { readonly boot: number; readonly seq: number } {
  const [, boot, seq] = /^(\d{1,10})\.(\d{1,15})$/.exec(text) ?? []
  if (Number(boot) <= 0xffff_ffff) return { boot: Number(boot), seq: Number(seq) }
  throw new InvalidArgumentError('Expected boot.seq, such as 3.17.')
}

/** A parser that takes a text as it is when it has a form. */
export function textArgument(form: RegExp, expected: string): (text: string) => string {
  return text => {
    if (form.test(text)) return text
    throw new InvalidArgumentError(`Expected ${expected}.`)
  }
}
