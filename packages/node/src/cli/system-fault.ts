import { isVitalchainError, VitalchainError } from '@vitalchain/core'

/** What the system says of a path that cannot be used as it was given. A full disk is not among them: the path is right. */
const PATH_FAULTS: ReadonlyMap<string, string> = new Map([
  ['EACCES', 'no permission'],
  ['EEXIST', 'something else is there'],
  ['EISDIR', 'it is a directory'],
  ['ENAMETOOLONG', 'the name is too long'],
  ['ENOENT', 'there is no such place'],
  ['ENOTDIR', 'a part of it is no directory'],
  ['EPERM', 'no permission'],
  ['EROFS', 'it cannot be written to']
])

/** How Node says that it cannot listen. libp2p puts it, with its stack, into a message of its own. */
const LISTEN_FAULT = /listen (E[A-Z]+): [^\n]*? ?([^\s]+:\d+)?$/m

/**
 * An error of the operating system as one with a code, for people: `ERR_FILE` for a path that cannot be used,
 * `ERR_ADDRESS_IN_USE` and `ERR_LISTEN` for an address. Any other error is given back as it is.
 */
export function namedFault(error: unknown): unknown {
  if (!(error instanceof Error) || isVitalchainError(error)) return error
  const [, code, address = 'the address'] = LISTEN_FAULT.exec(error.message) ?? []
  if (code === 'EADDRINUSE') {
    return new VitalchainError('ERR_ADDRESS_IN_USE', `another process listens on ${address}`, {
      cause: error
    })
  }
  if (code !== undefined) {
    return new VitalchainError('ERR_LISTEN', `cannot listen on ${address}: ${code}`, {
      cause: error
    })
  }
  if (!('code' in error && 'path' in error && typeof error.path === 'string')) return error
  const reason = pathFault(error)
  if (reason === undefined) return error
  return new VitalchainError('ERR_FILE', `${error.path} cannot be used: ${reason}`, {
    cause: error,
    values: { file: error.path }
  })
}

/** Why the system could not use a path, for people; undefined for anything else. */
export function pathFault(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? PATH_FAULTS.get(String(error.code)) : undefined
}
