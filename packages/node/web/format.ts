/** A number with its thousands apart. */
export function count(value: number): string {
  return value.toLocaleString('en', { maximumFractionDigits: 0 })
}

/** A number of ms in the unit that says it best. */
export function duration(ms: number): string {
  const size = Math.abs(ms)
  for (const [unit, name, digits] of [
    [86_400_000, 'd', 1],
    [3_600_000, 'h', 1],
    [60_000, 'min', 0],
    [1_000, 's', size < 10_000 ? 1 : 0]
  ] as const)
    if (size >= unit) return `${trim((ms / unit).toFixed(digits))} ${name}`
  return `${trim(ms.toFixed(size < 10 ? 1 : 0))} ms`
}

function trim(text: string): string {
  return text.replace(/\.0$/, '')
}

/** Whole numbers only: a rate below ten with one digit behind the point. */
export function rate(value: number): string {
  return value < 10 ? trim(value.toFixed(1)) : count(value)
}

/** The same with its sign, for an error that has a direction. */
export function signed(ms: number): string {
  return ms > 0 ? `+${duration(ms)}` : duration(ms)
}

/** A time by this computer's clock and zone; devices may say any time. */
export function localTime(ms: number): string {
  const date = new Date(ms)
  if (Number.isNaN(date.getTime())) return `${ms} ms since 1970`
  return (
    `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ` +
    `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`
  )
}

function two(part: number): string {
  return String(part).padStart(2, '0')
}

/** The same time in UTC, for programs and for the title. */
export function isoTime(ms: number): string {
  const date = new Date(ms)
  return Number.isNaN(date.getTime()) ? `${ms} ms since 1970` : date.toISOString()
}

/** How long ago. */
export function ago(ms: number, now: number = Date.now()): string {
  const past = now - ms
  if (Math.abs(past) < 1_000) return 'just now'
  return past < 0 ? `in ${duration(-past)}` : `${duration(past)} ago`
}

/** A long name in hexadecimal by its two ends. */
export function short(hex: string): string {
  return hex.length <= 20 ? hex : `${hex.slice(0, 8)}…${hex.slice(-6)}`
}
