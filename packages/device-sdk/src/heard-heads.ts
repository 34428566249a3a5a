import { comparePlaces, toHex, type LaneHead } from '@vitalchain/core'
import type { Lane } from './lane.ts'

/** Answers for each node that is to be asked, after which it does not matter that some came from the same ones. */
const ANSWERS_PER_NODE = 2

/**
 * Where nodes say that a lane stands whose outbox was lost. A head is proved, but not that it is the newest: a node may lag, or lie. Of one
 * more than may be faulty one is right, and the furthest head counts. A device that knows fewer nodes asks each more than once.
 */
export class HeardHeads {
  readonly #nodesMin: number
  readonly #lanes = new Map<Lane, Heard>()

  /** @param nodesMin - how many nodes are asked: one more than the network may have faulty ones */
  constructor(nodesMin: number) {
    this.#nodesMin = nodesMin
  }

  /**
   * Takes what one more node said, if anything proved.
   *
   * @returns whether enough were asked
   */
  hear(lane: Lane, node: Uint8Array, head: LaneHead | undefined): boolean {
    const heard = this.#lanes.get(lane) ?? { nodes: new Set(), answers: 0, furthest: undefined }
    this.#lanes.set(lane, heard)
    heard.answers++
    heard.nodes.add(toHex(node))
    const { furthest } = heard
    if (head !== undefined && (furthest === undefined || comparePlaces(head, furthest) > 0))
      heard.furthest = head
    return heard.nodes.size >= this.#nodesMin || heard.answers >= ANSWERS_PER_NODE * this.#nodesMin
  }

  /** The furthest head that was said. */
  furthest(lane: Lane): LaneHead | undefined {
    return this.#lanes.get(lane)?.furthest
  }
}

interface Heard {
  readonly nodes: Set<string>
  answers: number
  furthest: LaneHead | undefined
}
