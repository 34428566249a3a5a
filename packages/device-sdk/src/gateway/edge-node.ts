import { METRICS_MAX } from './limits.ts'
import type { Metric, SparkplugPayload } from './sparkplug-payload.ts'

/** What an edge node publishes, Sparkplug 3.0.0 section 4.1. */
export type SparkplugMessageType = 'NBIRTH' | 'NDEATH' | 'DBIRTH' | 'DDEATH' | 'NDATA' | 'DDATA'

/** A metric whose name and type are known. */
export interface NamedMetric {
  readonly name: string
  readonly datatype: number | undefined
  readonly metric: Metric
}

/** What a message of an edge node brought. */
export interface EdgeNews {
  readonly metrics: readonly NamedMetric[]
  /** How many metrics have an alias that nothing was said about. */
  readonly unnamed: number
  /** Whether messages before this one are missing. */
  readonly isGap: boolean
  /** Whether the node has to say again who it is: of what it sends not all is understood, or something was missed. */
  readonly needsBirth: boolean
}

interface Alias {
  readonly name: string
  readonly datatype: number | undefined
}

/** The metric that ties a death to its birth, section 6.4.23. */
const BD_SEQ = 'bdSeq'

const NOTHING: EdgeNews = { metrics: [], unnamed: 0, isGap: false, needsBirth: false }

/** What a host knows of one edge node: its aliases, and the number that its next message has. Sections 6.4.21 to 6.4.25 */
export class EdgeNode {
  readonly #aliases = new Map<bigint, Alias>()
  /** Undefined before its birth, and after its death. */
  #next: number | undefined
  #birth: bigint | undefined

  /** The gateway was away: what was missed is not known. */
  forget(): void {
    this.#next = undefined
  }

  take(type: SparkplugMessageType, { seq, metrics }: SparkplugPayload): EdgeNews {
    switch (type) {
      case 'NBIRTH':
        this.#aliases.clear()
        this.#birth = bdSeqOf(metrics)
        this.#next = Number(BigInt.asUintN(8, (seq ?? 0n) + 1n))
        return this.#name(metrics, false)
      case 'NDEATH':
        // The broker publishes the will of a connection also when a newer one is open already.
        if (bdSeqOf(metrics) === this.#birth) this.#next = undefined
        return NOTHING
      case 'DBIRTH':
      case 'NDATA':
      case 'DDATA':
        return this.#name(metrics, this.#isOutOfTurn(seq))
      case 'DDEATH': {
        const isGap = this.#isOutOfTurn(seq)
        return { ...NOTHING, isGap, needsBirth: isGap }
      }
    }
  }

  #isOutOfTurn(seq: bigint | undefined): boolean {
    const expected = this.#next
    if (seq === undefined) return true
    const number = Number(BigInt.asUintN(8, seq))
    this.#next = (number + 1) % 256
    return expected !== number
  }

  #name(metrics: readonly Metric[], isGap: boolean): EdgeNews {
    const named: NamedMetric[] = []
    let unnamed = 0
    for (const metric of metrics) {
      const alias = metric.alias === undefined ? undefined : this.#aliases.get(metric.alias)
      const name = metric.name ?? alias?.name
      const datatype = metric.datatype ?? alias?.datatype
      if (name === undefined) {
        unnamed++
        continue
      }
      named.push({ name, datatype, metric })
      // Only a birth has both.
      if (metric.name !== undefined && metric.alias !== undefined)
        this.#learn(metric.alias, { name, datatype })
    }
    return { metrics: named, unnamed, isGap, needsBirth: isGap || unnamed > 0 }
  }

  /** Above the limit an alias stays unknown, and what comes under it is counted. */
  #learn(alias: bigint, meaning: Alias): void {
    if (this.#aliases.size < METRICS_MAX || this.#aliases.has(alias))
      this.#aliases.set(alias, meaning)
  }
}

function bdSeqOf(metrics: readonly Metric[]): bigint | undefined {
  const value = metrics.find(({ name }) => name === BD_SEQ)?.value
  if (value?.field === 'long') return value.value
  return value?.field === 'int' ? BigInt(value.value) : undefined
}
