import { createSigner, type Signer } from '../../src/crypto/keys.ts'
import type { CheckpointTrust } from '../../src/checkpoint/checkpoint-note.ts'
import { signCheckpoint, type CheckpointShare } from '../../src/checkpoint/share.ts'
import type { Checkpoint } from '../../src/checkpoint/checkpoint.ts'
import { FOUNDERS, seed, SmallLedger, testMember, validatorsOf } from '../ledger/small-ledger.ts'
import { inclusionProof } from '../../src/merkle/history-prove.ts'

/** 2023-11-14T22:13:20Z, in seconds: when test checkpoints are signed. */
export const SIGNED_AT = 1_700_000_000

/** The founding hospitals and, for a checkpoint of seven, three more. */
export const NAMES: readonly string[] = [
  'Aachen',
  'Berlin',
  'Celle',
  'Dresden',
  'Essen',
  'Fulda',
  'Gera'
]

export function checkpointSigner(name: string): Signer {
  return createSigner('ed25519', seed(`${name} checkpoint`))
}

export function trustOf(
  network: Uint8Array,
  names: readonly string[] = NAMES.slice(0, 4)
): CheckpointTrust {
  return { network, validators: validatorsOf(names.map(name => testMember(name))) }
}

/** The share of a hospital; its clock differs from the others' by a few seconds. */
export function shareOf(checkpoint: Checkpoint, name: string): Promise<CheckpointShare> {
  return signCheckpoint(checkpoint, {
    member: testMember(name).validator.member,
    time: SIGNED_AT + NAMES.indexOf(name),
    signer: checkpointSigner(name)
  })
}

export function sharesOf(
  checkpoint: Checkpoint,
  names: readonly string[] = NAMES.slice(0, 4)
): Promise<readonly CheckpointShare[]> {
  return Promise.all(names.map(name => shareOf(checkpoint, name)))
}

/** The checkpoint key of a hospital of these names, as a note's maker knows it. */
export function keysOf({
  validators
}: CheckpointTrust): (member: Uint8Array) => Uint8Array | undefined {
  return member => validators.find(each => each.member.join() === member.join())?.checkpointKey
}

/** A ledger of `size` leaves that are any bytes: checkpoints do not look into transactions. */
export function leavesLedger(size: number): {
  readonly checkpoint: Checkpoint
  readonly leaf: (index: number) => Uint8Array
  readonly path: (index: number) => readonly Uint8Array[]
} {
  const ledger = new SmallLedger(FOUNDERS, 'checkpoint network')
  const header = ledger.addBlock(Array.from({ length: size }, (_, index) => seed(`leaf ${index}`)))
  return {
    checkpoint: { network: ledger.network, ...header.history },
    leaf: index => ledger.transactions[index]!,
    path: index => inclusionProof(index, size, ledger.readNode)
  }
}
