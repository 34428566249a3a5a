import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import t from 'tap'
import type { Diagnosis } from '../../src/diagnosis/types.ts'

/** Of util-linux: mounts a small disk that only the child sees, without being root. */
const UNSHARE = ['unshare', '--user', '--map-root-user', '--mount'] as const

const child = join(import.meta.dirname, 'full-disk-child.ts')
const [program, ...flags] = UNSHARE
const cannot =
  process.platform !== 'linux' ||
  spawnSync(program, [...flags, 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt']).status !== 0

t.test(
  'a full disk: the doctor says so before the node stops, and of the node that stopped',
  { skip: cannot && 'this system lets nobody mount a small disk' },
  t => {
    const disk = t.testdir()
    const { stdout, stderr } = spawnSync(
      program,
      [
        ...flags,
        'sh',
        '-c',
        'mount -t tmpfs -o size=48m tmpfs "$0" && exec "$@"',
        disk,
        process.execPath,
        '--conditions=@vitalchain/source',
        child,
        disk
      ],
      { encoding: 'utf8', timeout: 60_000 }
    )
    if (stdout === '') throw new Error(stderr)
    const { before, after, others } = JSON.parse(stdout) as Readonly<Record<string, Diagnosis>>
    for (const seen of [before, after]) {
      t.match(seen, { healthy: false, findings: [{ code: 'DISK_FULL', severity: 'critical' }] })
      t.match(seen?.summary, /The disk is full: 0 MiB of 48 MiB are free/)
      t.match(seen?.findings[0]?.act, /Make room or enlarge the file system; delete nothing inside/)
    }
    t.match(others?.findings, [{ code: 'MEMBER_DOWN', subject: 'Dax', severity: 'warning' }])
    t.end()
  }
)
