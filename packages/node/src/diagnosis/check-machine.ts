import type { Observations } from './observations.ts'
import type { Finding } from './types.ts'
import { bytesText } from './wording.ts'

/** Less free space and the node stops soon, bytes: the ledger's store merges files of some MiB. */
const DISK_FULL_BYTES = 64 * 1024 ** 2

/** Less free space is a reason to act, bytes: a busy ward's payloads of some days. */
const DISK_LOW_BYTES = 1024 ** 3

/** Shares of the limit of open files from which on a node is short of them. */
const FILES_LOW = 0.8
const FILES_FULL = 0.95

const MAKE_ROOM =
  'Make room or enlarge the file system; delete nothing inside the data directory. Then start the node: what was acknowledged is kept, and the rest comes from the other hospitals.'

/** The computer's disk and its limits. */
export function checkMachine({ disk, files, faults }: Observations): readonly Finding[] {
  const findings: Finding[] = []
  const isStoreFault = faults.some(({ code }) => code === 'ERR_STORE')
  if (disk !== undefined && disk.freeBytes < DISK_FULL_BYTES)
    findings.push({
      code: 'DISK_FULL',
      severity: 'critical',
      subject: disk.path,
      text: `The disk is full: ${bytesText(disk.freeBytes)} of ${bytesText(disk.totalBytes)} are free at ${disk.path}. A node that cannot write stops before it acknowledges anything.`,
      act: MAKE_ROOM
    })
  else if (disk !== undefined && disk.freeBytes < DISK_LOW_BYTES)
    findings.push({
      code: 'DISK_LOW',
      severity: 'warning',
      subject: disk.path,
      text: `The disk is nearly full: ${bytesText(disk.freeBytes)} of ${bytesText(disk.totalBytes)} are free at ${disk.path}.`,
      act: MAKE_ROOM
    })
  else if (isStoreFault)
    findings.push({
      code: 'DISK_FAILED',
      severity: 'critical',
      ...(disk === undefined ? {} : { subject: disk.path }),
      text: 'The node stopped because its disk refused a write: the disk or a quota is full, the file system went read-only, or the disk is failing.',
      act: 'Look at free space, quotas and the log of the kernel (`df`, `dmesg`). Once writing works, start the node; what it acknowledged is kept.'
    })
  if (files === undefined) return findings
  const share = files.open / files.limit
  if (share >= FILES_LOW)
    findings.push({
      code: 'FILES_LOW',
      severity: share >= FILES_FULL ? 'critical' : 'warning',
      text: `The node has ${files.open} of ${files.limit} files and connections open; at the limit it takes no more connections and its store fails.`,
      act: 'Raise the limit (`LimitNOFILE=` of the systemd unit, or `ulimit -n`) and restart the node; look whether one computer holds many connections.'
    })
  return findings
}
