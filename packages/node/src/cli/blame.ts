import { listMembers } from '@vitalchain/contracts'
import { equalBytes, toHex } from '@vitalchain/core'
import { findFork, type Fork } from '../ledger/find-fork.ts'
import type { Ledger } from '../ledger/ledger.ts'
import { EXIT, type CliIo } from './io.ts'
import { openStoppedLedger } from './stopped-node.ts'

/** What `vitalchain blame` was asked for. */
export interface BlameOptions {
  /** The data directories of stopped nodes: two or more. */
  readonly dataDir: readonly string[]
  readonly json: boolean
}

/**
 * Looks for a fork between the ledgers of stopped nodes and names who is proved to have made it.
 *
 * @returns 1 when there is a fork
 * @throws VitalchainError as `openStoppedLedger` and {@link findFork}
 */
export async function blameCommand({ dataDir, json }: BlameOptions, io: CliIo): Promise<number> {
  const ledgers: Ledger[] = []
  try {
    for (const dir of dataDir) ledgers.push(await openStoppedLedger(dir))
    const fork = findFork(ledgers)
    // Of all of them: one that is behind does not know who came since.
    const names = ledgers.flatMap(({ state }) => listMembers(state))
    const nameOf = (id: Uint8Array): string =>
      names.find(each => equalBytes(each.id, id))?.name ?? toHex(id)
    const height = Math.min(...ledgers.map(({ head }) => head.height))
    const lines = json ? [forkJson(fork, dataDir, nameOf)] : forkText(fork, dataDir, height, nameOf)
    for (const line of lines) io.out(line)
    return fork === undefined ? EXIT.ok : EXIT.failed
  } finally {
    for (const ledger of ledgers) await ledger.close()
  }
}

type NameOf = (member: Uint8Array) => string

function forkText(
  fork: Fork | undefined,
  dirs: readonly string[],
  height: number,
  nameOf: NameOf
): readonly string[] {
  if (fork === undefined) return [`No fork up to block ${height}.`]
  const culprits = new Set(fork.convictions.map(({ culprit }) => nameOf(culprit.member)))
  return [
    `FORK: ${fork.blocks.length} different blocks are certified at height ${fork.height}.`,
    ...fork.blocks.map(
      ({ hash, ledgers }) => `  ${hash}  ${ledgers.map(index => dirs[index]).join(', ')}`
    ),
    `${culprits.size} members are proved to have broken the rules:`,
    ...fork.convictions.map(
      ({ culprit, evidence }) => `  ${nameOf(culprit.member)}: ${evidence.kind}`
    )
  ]
}

function forkJson(fork: Fork | undefined, dirs: readonly string[], nameOf: NameOf): string {
  if (fork === undefined) return JSON.stringify({ fork: false })
  return JSON.stringify({
    fork: true,
    height: fork.height,
    blocks: fork.blocks.map(({ hash, ledgers }) => ({
      hash,
      ledgers: ledgers.map(index => dirs[index])
    })),
    culprits: fork.convictions.map(({ culprit, evidence }) => ({
      member: toHex(culprit.member),
      name: nameOf(culprit.member),
      kind: evidence.kind
    }))
  })
}
