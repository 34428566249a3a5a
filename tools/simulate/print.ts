/** Campaigns of the simulator as lines for people. */
import { RULES, type Tally } from '@vitalchain/consensus/simulator'

/** Prints a line. */
export function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

/** The value below which this part of all lies; 0 of none. */
export function quantile(values: readonly number[], part: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor(part * (values.length - 1))] ?? 0
}

/** Median, 99 % and the highest. */
export function quantiles(values: readonly number[]): string {
  const sorted = values.toSorted((a, b) => a - b)
  return `median ${quantile(sorted, 0.5)}, 99 % ${quantile(sorted, 0.99)}, longest ${quantile(sorted, 1)}`
}

function counts(title: string, all: Readonly<Record<string, number>>): void {
  say(`${title}:`)
  for (const [name, count] of Object.entries(all).toSorted((a, b) => b[1] - a[1]))
    say(`  ${String(count).padStart(10)}  ${name}`)
}

/** Everything that a campaign came to. */
export function summarize(tally: Tally, seconds: number): void {
  const { runs, steps, messages, decided, views, highestView, byzantine, sizes, faults } = tally
  const injected = Object.values(faults).reduce((sum, count) => sum + count, 0)
  const each = (total: number): string => (total / runs).toFixed(1)
  counts('faults by kind', faults)
  say('rules by branch:')
  for (const rule of RULES) say(`  ${String(tally.rules[rule] ?? 'NEVER').padStart(10)}  ${rule}`)
  const covered = RULES.filter(rule => tally.rules[rule] !== undefined).length
  say(`scenarios ${runs} in ${seconds.toFixed(0)} s, ${byzantine} with f faulty validators`)
  say(`with changes of the validators ${tally.changing}`)
  say(
    `validators ${Object.entries(sizes)
      .map(([n, count]) => `${n}: ${count}`)
      .join(', ')}`
  )
  say(`steps ${steps} (${each(steps)} each), messages ${messages} (${each(messages)} each)`)
  say(`heights decided ${decided} (${each(decided)} each)`)
  say(`faults injected ${injected} (${each(injected)} each)`)
  say(`runs without a torn write ${tally.untorn}`)
  say(`changes of view ${views} (${each(views)} each), highest view ${highestView}`)
  say(`ms from healing to the next block: ${quantiles(tally.firstDecisions)}`)
  say(
    `ms from healing to the last transaction: ${quantiles(tally.recoveries)} (seed ${tally.slowest.seed})`
  )
  say(`branches of rules covered ${covered} of ${RULES.length}`)
  say(`violations ${tally.failed.length}`)
}
