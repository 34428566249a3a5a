import {
  checkpointNote,
  equalBytes,
  errorCode,
  toHex,
  type CheckpointShare,
  type ErrorValues,
  type Signer,
  type TreeHead
} from '@vitalchain/core'
import type { Ledger } from '../ledger/ledger.ts'
import { createLoop } from '../loop.ts'
import type { Network } from '../network/index.ts'
import type { Store } from '../store/store.ts'
import { certifiedTree, signersAt } from './certified-tree.ts'
import { createShareCollection, type QuorumCheckpoint, type ShareVerdict } from './collection.ts'
import { createShareExchange } from './exchange.ts'
import { createShareKeeper } from './keeper.ts'
import { createCheckpointSchedule, type CheckpointSchedule } from './schedule.ts'
import { openCheckpointSigner, type CheckpointSigner } from './signer.ts'

/** How long after the newest head stayed without a quorum's checkpoint the others are asked, ms; it doubles up to a minute. */
const ASK_AFTER_MS = 2_000
const ASK_AFTER_MAX_MS = 60_000

/** The newest checkpoint that a quorum of validators signed. */
export interface CosignedCheckpoint extends TreeHead {
  /** The signed note that generic transparency-log tools check (C2SP tlog-checkpoint). spec K-5 */
  readonly note: string
  /** The shares that the note is made of, in the order of the validators. */
  readonly shares: readonly CheckpointShare[]
}

/** What anybody in the process may read of checkpoints. */
export interface CheckpointReader {
  /** The newest checkpoint that a quorum cosigned; undefined while there is none. */
  latest(): CosignedCheckpoint | undefined
  /** A member's share of that checkpoint. */
  share(member: Uint8Array): CheckpointShare | undefined
}

/** What a status says of checkpoints. */
export interface CheckpointStatus {
  /** Size of the newest checkpoint of a quorum; 0 while there is none. */
  readonly checkpoint: number
  /**
   * `ERR_CHECKPOINT_REFUSED` while the own key signs nothing, `ERR_CHECKPOINT_SPLIT` once a validator signed another history
   * than the certified one here, `ERR_STORE` when the key's record cannot be written.
   */
  readonly checkpointFault: string | undefined
}

/** Signs and collects checkpoints of one node, off the way of blocks and votes. */
export interface Checkpoints extends CheckpointReader {
  /** Opens the record of what the own key signed. @throws VitalchainError `ERR_STORE` */
  open(): Promise<void>
  start(): void
  stop(): Promise<void>
  /** A block is durable. */
  committed(): void
  readonly status: CheckpointStatus
}

/** What {@link createCheckpoints} needs. */
export interface CheckpointsInit {
  readonly ledger: Ledger
  readonly network: Network
  readonly store: Store
  /** The checkpoint key; undefined for a node that only collects. */
  readonly signer: Signer | undefined
  /** Where the key's record is; undefined keeps it in memory. */
  readonly dataDir: string | undefined
  /** The clock, ms since 1970. */
  readonly now: () => number
  readonly log: (event: string, values: ErrorValues) => void
}

/** Verdicts about shares whose signatures were checked. */
const VERIFIED: ReadonlySet<ShareVerdict> = new Set<ShareVerdict>(['taken', 'held', 'old', 'split'])

/** ms that never go back. */
const clock = (): number => performance.now()

/** Makes the {@link Checkpoints} of a node, before its network starts. */
export function createCheckpoints(init: CheckpointsInit): Checkpoints {
  const { ledger, network, store, dataDir, now, log } = init
  const tree = certifiedTree(ledger)
  const collection = createShareCollection(tree)
  const keeper = createShareKeeper(store, log)
  let schedule: CheckpointSchedule = createCheckpointSchedule(ledger.head, clock())
  let signer: CheckpointSigner | undefined
  let running = false
  let fault: string | undefined
  let noted: { readonly of: QuorumCheckpoint; readonly checkpoint: CosignedCheckpoint } | undefined
  /** Members whose links came up since they were asked. */
  const toAsk = new Map<string, Uint8Array>()
  let askAfter = ASK_AFTER_MS
  let askAt = Infinity

  const exchange = createShareExchange({
    network,
    has: () => [...(collection.latest?.shares ?? []), ...collection.newest],
    take,
    log
  })

  network.onLinkUp(member => {
    toAsk.set(toHex(member), member)
    asking.wake()
  })

  function take(share: CheckpointShare): ShareVerdict {
    const before = collection.latest
    try {
      const verdict = collection.add(share)
      if (verdict === 'split') reportSplit(share)
      if (verdict === 'taken' || verdict === 'held' || verdict === 'split')
        void keeper.keep(collection)
      // Verified, and the key's own: this node does not know of it because its record was lost, or is an old one.
      if (VERIFIED.has(verdict) && isOwn(share)) recall(share)
      if (collection.latest !== before) askAfter = ASK_AFTER_MS
      return verdict
    } catch (error) {
      // What it is judged by is damaged here, and is healed: members have it until then.
      log('checkpoint share not judged', { code: errorCode(error), size: share.size })
      return 'known'
    }
  }

  function isOwn({ size, member }: CheckpointShare): boolean {
    const key = signer?.publicKey
    if (key === undefined || size <= (signer?.last?.size ?? 0)) return false
    const set = size > tree.size ? tree.next : tree.signersAt(size)
    return set.some(each => equalBytes(each.member, member) && equalBytes(each.checkpointKey, key))
  }

  function recall(share: CheckpointShare): void {
    log('this checkpoint key signed a larger tree than its record says', { size: share.size })
    signer?.recall(share).catch(failed)
  }

  function reportSplit({ size, member, root }: CheckpointShare): void {
    log('a validator signed a checkpoint of another history', {
      code: 'ERR_CHECKPOINT_SPLIT',
      size,
      member: toHex(member),
      root: toHex(root)
    })
  }

  function failed(error: unknown): void {
    const code = errorCode(error)
    if (fault === code) return
    fault = code
    log('checkpoint not signed', {
      code,
      message: error instanceof Error ? error.message : '',
      size: ledger.head.history.size
    })
  }

  async function sign({ size, root }: TreeHead): Promise<void> {
    if (signer === undefined) return
    const key = signer.publicKey
    const self = signersAt(ledger, size).find(each => equalBytes(each.checkpointKey, key))
    // What is smaller than what it signed says nothing new: a ledger that was restored catches up first.
    if (self === undefined || size < (signer.last?.size ?? 0)) return
    try {
      const share = await signer.sign({
        checkpoint: { network: ledger.network, size, root },
        member: self.member,
        time: Math.floor(now() / 1_000),
        rootAt: tree.rootAt
      })
      fault = undefined
      take(share)
      exchange.tell(share)
    } catch (error) {
      failed(error)
    }
  }

  const signing = createLoop(async () => {
    try {
      const head = schedule.take(clock())
      if (head !== undefined) await sign(head)
    } catch (error) {
      // The disk failed, or holds damage: consensus finds that too and decides whether this node goes on.
      failed(error)
    }
    return schedule.wait(clock())
  })

  /** Asks whose links came up; and all, when the newest head stays without a quorum's checkpoint: a message was lost. */
  const asking = createLoop(async signal => {
    if (clock() >= askAt) {
      for (const member of network.linkedMembers()) toAsk.set(toHex(member), member)
      askAfter = Math.min(2 * askAfter, ASK_AFTER_MAX_MS)
      askAt = Infinity
    }
    const members = [...toAsk.values()]
    toAsk.clear()
    await Promise.all(members.map(member => exchange.ask(member, signal)))
    if (toAsk.size > 0) return 0
    const isCosigned = (collection.latest?.size ?? 0) >= tree.size
    if (isCosigned) askAt = Infinity
    else if (askAt === Infinity) askAt = clock() + askAfter
    return Math.max(0, askAt - clock())
  })

  return {
    async open() {
      if (init.signer === undefined) return
      const opened = await openCheckpointSigner(init.signer, dataDir)
      if (opened.status === 'damaged') log('the record of the checkpoint key is damaged', {})
      signer = opened
    },
    start() {
      for (const share of keeper.load()) take(share)
      const own = signer?.last
      if (own !== undefined) {
        take(own)
        // It may have been signed and never sent.
        exchange.tell(own)
      }
      schedule = createCheckpointSchedule(ledger.head, clock())
      running = true
      signing.start()
      asking.start()
    },
    async stop() {
      running = false
      await Promise.all([signing.stop(), asking.stop()])
      await keeper.keep(collection)
      await signer?.close()
    },
    committed() {
      if (!running) return
      schedule.committed(ledger.head, now(), clock())
      for (const share of collection.due()) take(share)
      signing.wake()
      if (askAt === Infinity) asking.wake()
    },
    latest() {
      const { latest } = collection
      if (latest === undefined) return undefined
      if (noted?.of !== latest) noted = { of: latest, checkpoint: cosigned(latest) }
      return noted.checkpoint
    },
    share: member => collection.latest?.shares.find(each => equalBytes(each.member, member)),
    get status() {
      return {
        checkpoint: collection.latest?.size ?? 0,
        checkpointFault: collection.splits.length > 0 ? 'ERR_CHECKPOINT_SPLIT' : fault
      }
    }
  }
}

function cosigned({ size, root, shares, validators }: QuorumCheckpoint): CosignedCheckpoint {
  const inOrder = validators.flatMap(
    ({ member }) => shares.find(share => equalBytes(share.member, member)) ?? []
  )
  const note = checkpointNote(
    inOrder,
    member => validators.find(each => equalBytes(each.member, member))?.checkpointKey
  )
  return { size, root, note, shares: inOrder }
}
