import { join } from 'node:path'
import {
  checkpointShareFormat,
  equalBytes,
  signCheckpoint,
  toHex,
  VitalchainError,
  type Checkpoint,
  type CheckpointShare,
  type Signer
} from '@vitalchain/core'
import { memoryVoteFile, openVoteFile, type VoteFile } from '../consensus/vote-file.ts'

/** What is to be signed, and by whom. */
export interface CheckpointRequest {
  readonly checkpoint: Checkpoint
  /** The member id of the key's owner. */
  readonly member: Uint8Array
  /** Seconds since 1970. */
  readonly time: number
  /** Root of the own history at an earlier size. */
  readonly rootAt: (size: number) => Uint8Array
}

/** A checkpoint key that signs one growing tree, and nothing that is not on the disk first. spec K-13 */
export interface CheckpointSigner {
  /** The checkpoint public key, 32 bytes. */
  readonly publicKey: Uint8Array
  /** What the key signed last, as far as this node knows. */
  readonly last: CheckpointShare | undefined
  /**
   * Signs a checkpoint, and makes the share durable before it is given out. The same size and root again give the same
   * bytes.
   *
   * @throws VitalchainError `ERR_CHECKPOINT_REFUSED` for a tree that is smaller than the last one or does not continue
   * it; `ERR_STORE` when the disk fails: then nothing is signed until the node starts again
   */
  sign(request: CheckpointRequest): Promise<CheckpointShare>
  /** Takes over a share of this key that is larger than the last one: the record of it was lost. It must be verified. */
  recall(share: CheckpointShare): Promise<void>
  close(): Promise<void>
}

/** The file of a checkpoint key's record in a data directory, beside the votes: no backup may hold it. */
export function checkpointRecordOf(dataDir: string, key: Uint8Array): string {
  return join(dataDir, 'votes', `checkpoint-${toHex(key)}`)
}

/**
 * Opens the signer of a checkpoint key over what it signed before. A record that is absent or damaged is no error: the
 * key begins anew, and learns its newest share from the store and from others. spec K-14
 *
 * @param dataDir - undefined keeps the record in memory
 * @throws VitalchainError `ERR_STORE` when the disk fails
 */
export async function openCheckpointSigner(
  signer: Signer,
  dataDir: string | undefined
): Promise<CheckpointSigner & { readonly status: VoteFile['status'] }> {
  const publicKey = signer.publicKey.bytes
  const file =
    dataDir === undefined
      ? memoryVoteFile()
      : await openVoteFile(checkpointRecordOf(dataDir, publicKey), publicKey)
  const { status } = file
  let last = file.record === undefined ? undefined : checkpointShareFormat.decode(file.record)
  // One after the other: each is judged by the one before.
  let busy: Promise<unknown> = Promise.resolve()

  async function keep(share: CheckpointShare): Promise<void> {
    const record = checkpointShareFormat.encode(share)
    await (file.record === undefined ? file.renew(record) : file.write(record))
    last = share
  }

  async function sign(request: CheckpointRequest): Promise<CheckpointShare> {
    const { checkpoint, member, time, rootAt } = request
    if (last !== undefined) {
      if (isSame(checkpoint, last)) return last
      checkContinues(checkpoint, last, rootAt)
    }
    if (checkpoint.size < 1 || !equalBytes(rootAt(checkpoint.size), checkpoint.root))
      throw refused('the root is not that of the own history', checkpoint, last)
    const share = await signCheckpoint(checkpoint, {
      member,
      time: Math.max(time, last?.time ?? 0),
      signer
    })
    await keep(share)
    return share
  }

  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const done = busy.then(work)
    busy = done.catch(() => undefined)
    return done
  }

  return {
    publicKey,
    status,
    get last() {
      return last
    },
    sign: request => inTurn(() => sign(request)),
    recall: share =>
      inTurn(async () => {
        if (share.size > (last?.size ?? 0)) await keep(share)
      }),
    async close() {
      await busy
      await file.close()
    }
  }
}

function isSame(a: Checkpoint, b: Checkpoint): boolean {
  return a.size === b.size && equalBytes(a.root, b.root) && equalBytes(a.network, b.network)
}

function checkContinues(
  checkpoint: Checkpoint,
  last: CheckpointShare,
  rootAt: (size: number) => Uint8Array
): void {
  if (!equalBytes(checkpoint.network, last.network))
    throw refused('the key signed for another network', checkpoint, last)
  if (checkpoint.size <= last.size)
    throw refused('the key signed a tree of this size or a larger one', checkpoint, last)
  if (!equalBytes(rootAt(last.size), last.root))
    throw refused(
      'the own history does not continue the tree that the key signed',
      checkpoint,
      last
    )
}

function refused(
  why: string,
  { size }: Checkpoint,
  last: CheckpointShare | undefined
): VitalchainError {
  return new VitalchainError('ERR_CHECKPOINT_REFUSED', `the checkpoint is not signed: ${why}`, {
    values: { size, ...(last === undefined ? {} : { signed: last.size }) }
  })
}
