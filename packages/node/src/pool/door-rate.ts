import { getDevice, listMembers, ownerAt } from '@vitalchain/contracts'
import { equalBytes, toHex, VitalchainError, type Statement } from '@vitalchain/core'
import type { LedgerReader } from '../ledger/ledger.ts'
import type { LaneShares } from './lane-shares.ts'

/** How long a refusal counts, ms, give or take half of it. */
const COUNTED_MS = 60_000

/** A member whose devices were refused for their rate in the last minute. */
export interface Flooder {
  /** The member's identifier, hexadecimal. */
  readonly member: string
  readonly name: string
  /** Statements refused. */
  readonly refused: number
}

/** How fast this node's own clients may hand over statements, lane by lane. */
export interface DoorRate {
  /**
   * Lets a statement in as soon as it is its lane's turn.
   *
   * @param device - whose session it comes in, which may wait for its turn; undefined for who shows no more than the statement
   * @returns to be called when its signature is checked; it can refuse too
   * @throws VitalchainError `ERR_RATE` (retryable) with the seconds after which there is room again
   */
  enter(statement: Statement, device: Uint8Array | undefined): Promise<() => void>
  /** Whose devices were refused lately, the most first. */
  flooders(): readonly Flooder[]
}

/** Makes the {@link DoorRate} of a node. */
export function createDoorRate({
  ledger,
  lanes,
  now
}: {
  readonly ledger: Pick<LedgerReader, 'state'>
  readonly lanes: LaneShares
  readonly now: () => number
}): DoorRate {
  /** Refusals by member, of this half of {@link COUNTED_MS} and of the one before. */
  let counts = {
    since: now(),
    current: new Map<string, number>(),
    before: new Map<string, number>()
  }

  function turnPage(): void {
    const passed = now() - counts.since
    if (passed < COUNTED_MS / 2) return
    const before = passed < COUNTED_MS ? counts.current : new Map<string, number>()
    counts = { since: now(), current: new Map(), before }
  }

  function count({ device, boot }: Statement): void {
    const known = getDevice(ledger.state, device)
    if (known === undefined) return
    turnPage()
    const owner = toHex(ownerAt(known, boot))
    counts.current.set(owner, (counts.current.get(owner) ?? 0) + 1)
  }

  function requireNow(statement: Statement, wait: number): void {
    if (wait <= 0) return
    count(statement)
    throw new VitalchainError(
      'ERR_RATE',
      'the device hands over too many statements: the others come first',
      { retryable: true, values: { retryAfterS: Math.ceil(wait / 1_000) } }
    )
  }

  return {
    async enter(statement, device) {
      const lane = `${toHex(statement.device)}/${statement.lane}`
      if (device !== undefined && equalBytes(device, statement.device)) {
        requireNow(statement, await lanes.turn(lane))
        return () => undefined
      }
      requireNow(statement, lanes.waitMs(lane))
      // Who is not known by a session pays when the signature is checked: others could use up a device's share. Many may have
      // come this far at once.
      return () => {
        requireNow(statement, lanes.waitMs(lane))
        lanes.charge(lane)
      }
    },
    flooders() {
      turnPage()
      const { current, before } = counts
      const members = listMembers(ledger.state)
      return [...new Set([...current.keys(), ...before.keys()])]
        .map(member => ({
          member,
          name: members.find(({ id }) => toHex(id) === member)?.name ?? member.slice(0, 8),
          refused: (current.get(member) ?? 0) + (before.get(member) ?? 0)
        }))
        .toSorted((a, b) => b.refused - a.refused)
    }
  }
}
