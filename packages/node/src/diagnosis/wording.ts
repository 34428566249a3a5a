/** Names as in a sentence: `A`, `A and B`, `A, B and C`. */
export function listed(names: readonly string[]): string {
  const last = names.at(-1) ?? ''
  return names.length < 2 ? last : `${names.slice(0, -1).join(', ')} and ${last}`
}

const UNITS: readonly (readonly [name: string, ms: number])[] = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1_000]
]

/** A time in its largest whole unit, such as `5 minutes`; shorter ones in ms. */
export function duration(ms: number): string {
  const size = Math.abs(ms)
  const [name, unit] = UNITS.find(each => size >= each[1]) ?? ['ms', 1]
  const count = Math.round(size / unit)
  return name === 'ms' ? `${count} ms` : counted(count, name)
}

/** A number of things, such as `1 file` and `2 files`. */
export function counted(count: number, name: string): string {
  return `${count} ${name}${count === 1 ? '' : 's'}`
}

/** Bytes for people: `12 MiB`. */
export function bytesText(bytes: number): string {
  const gib = bytes / 1024 ** 3
  return gib >= 10
    ? `${Math.round(gib)} GiB`
    : gib >= 1
      ? `${gib.toFixed(1)} GiB`
      : `${Math.floor(bytes / 1024 ** 2)} MiB`
}

/** The beginning of a network id or PeerId, enough for people to compare. */
export function shortId(id: string): string {
  return id.length <= 16 ? id : `${id.slice(0, 16)}…`
}
