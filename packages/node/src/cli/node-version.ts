/** The oldest Node that libp2p 3 starts on and that strips types by itself. */
const NODE_VERSION_MIN = '22.18.0'

/**
 * What to tell somebody whose Node is too old; undefined when it is not.
 *
 * This file imports nothing: it is read by the very versions that it refuses.
 *
 * @param version - as `process.versions.node` says it, for example `20.20.2`
 */
export function nodeVersionFault(version: string): string | undefined {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const [majorMin = 0, minorMin = 0] = NODE_VERSION_MIN.split('.').map(Number)
  if (major > majorMin || (major === majorMin && minor >= minorMin)) return undefined
  return `vitalchain needs Node ${NODE_VERSION_MIN} or newer; this is Node ${version}`
}
