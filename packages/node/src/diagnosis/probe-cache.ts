import { probeAddresses, type Probe } from './probe.ts'

/** How long an outcome is believed, ms: a dashboard asks every few seconds, and the other side is not to be flooded. */
export const RECENT_MS: number = 15_000

/** How long it is believed that a node is at an address while nothing hangs on it, ms. */
export const LASTING_MS: number = 5 * 60_000

/** Addresses that are remembered: some of each of 50 members. */
const ADDRESSES_MAX = 256

/** Asks what answers at addresses, each once in a while. */
export interface ProbeCache {
  /**
   * Asks and waits, where it was not asked lately.
   *
   * @param goodMs - how old an outcome may be that found a node
   */
  look(
    addresses: readonly string[],
    goodMs: number,
    signal: AbortSignal
  ): Promise<ReadonlyMap<string, Probe>>
}

/** Makes a {@link ProbeCache}. */
export function createProbeCache(clock: () => number = () => performance.now()): ProbeCache {
  const known = new Map<string, { readonly probe: Probe; readonly at: number }>()
  return {
    async look(addresses, goodMs, signal) {
      const wanted = [...new Set(addresses)].slice(0, ADDRESSES_MAX)
      const isKnown = (address: string): boolean => {
        const last = known.get(address)
        if (last === undefined) return false
        return clock() - last.at < (last.probe.outcome.kind === 'node' ? goodMs : RECENT_MS)
      }
      const asked = wanted.filter(address => !isKnown(address))
      for (const probe of await probeAddresses(asked, signal))
        known.set(probe.address, { probe, at: clock() })
      const found = new Map<string, Probe>()
      for (const address of wanted) {
        const probe = known.get(address)?.probe
        if (probe !== undefined) found.set(address, probe)
      }
      for (const [address, { at }] of known)
        if (clock() - at > LASTING_MS && !found.has(address)) known.delete(address)
      return found
    }
  }
}
