import type { Observations, StartFault } from './observations.ts'
import type { Finding } from './types.ts'

/** Why a node stopped or would not start, and what to do. */
export function checkStart({ faults, disk }: Observations): readonly Finding[] {
  return faults.flatMap((fault): readonly Finding[] => {
    // The disk is spoken of where the machine is.
    if (fault.code === 'ERR_STORE') return []
    const act =
      ACTS[fault.code] ?? `Look for ${fault.code} in docs/errors.md, and into the log of the node.`
    return [
      {
        code: codeOf(fault),
        severity: SOFT.has(fault.code) ? 'warning' : 'critical',
        ...subjectOf(fault, disk?.path),
        text: `${fault.message} (${fault.code}).`,
        act
      }
    ]
  })
}

/** Faults that are the usual state of a node that does not run. */
const SOFT: ReadonlySet<string> = new Set(['NOT_RUNNING'])

function codeOf({ code }: StartFault): string {
  return code.replace(/^ERR_/, '')
}

function subjectOf(fault: StartFault, path: string | undefined): { readonly subject?: string } {
  const subject = fault.subject ?? path
  return subject === undefined ? {} : { subject }
}

const ACTS: Readonly<Record<string, string>> = {
  NOT_RUNNING: 'Start it: `vitalchain start --data-dir DIR`, or its service.',
  ERR_PROTOCOL_VERSION:
    'Install the version of the software that knows it, then start the node: it goes on where it stopped, and nothing was signed under rules that it does not know.',
  ERR_KEY_IN_USE:
    'Find the other process or computer that runs with this consensus key, and stop one of the two for good. Whoever copied the directory makes new keys: docs/guides/members.md.',
  ERR_DIVERGED:
    'Keep the directory and the log, and tell the others. Update to the version that they run; if it is the same, `vitalchain verify` and `vitalchain repair` on the stopped node.',
  ERR_DATA_DIR_IN_USE:
    'The node runs already and its API does not answer, or a tool reads the directory. Ask the node with --url and --token-file (a certificate of your own: NODE_EXTRA_CA_CERTS), and look into its log.',
  ERR_STORE_LOCKED:
    'Another process uses the directory: the node runs already, or a tool reads it.',
  ERR_STORE_NETWORK:
    'The ledger in this directory is of another genesis: put back the genesis.cbor that belongs to it, or use a new data directory.',
  ERR_CONTRACTS: 'Install the version of the software with the contracts that the genesis names.',
  ERR_DAMAGED: 'Run `vitalchain repair --data-dir DIR` while the node is stopped.',
  ERR_KEYS_READABLE:
    'Run `chmod 600 keys.json`. If somebody else could read it, have the keys replaced: docs/guides/members.md.',
  ERR_KEYS_NOT_OF_MEMBER:
    'keys.json was put together from several directories: put back the one that belongs here.',
  ERR_CONFIG:
    'Correct the setting that the message names; `vitalchain config show` tells where each comes from.',
  ERR_FILE:
    'Put the file that the message names in order: from the backup of the directory, or as docs/guides says for new ones.',
  ERR_LISTEN:
    'Correct the address under `listen`, `http` or `admin`: it must be one of this computer, and ports below 1024 need a right of their own.',
  ERR_ADDRESS_IN_USE:
    'Stop the program that has the port, or give the node another one in its configuration.',
  ERR_RESTORE_UNFINISHED: 'Run `vitalchain restore` again: it was interrupted, and starts anew.'
}
