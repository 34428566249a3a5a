import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { writeNodeDir } from '../../src/cli/node-dir.ts'
import { freePorts } from '../../src/dev/free-ports.ts'
import { createHospitalProcess, type HospitalProcess } from '../../src/dev/hospital-process.ts'
import { createLinkProxies, type LinkProxies } from '../../src/dev/link-proxies.ts'
import type { Diagnosis } from '../../src/diagnosis/types.ts'
import { peerNameOf, transportPublicKey } from '../../src/network/index.ts'
import { foundNetwork } from '../../src/testing/found-network.ts'
import { run } from '../cli/run.ts'
import { NAMES } from './hospitals.ts'

/** How long a cut may take to be found, ms: pings every 10 s, and statuses. */
const FOUND_MS = 60_000

/** Hospitals in processes that reach each other through proxies, each known by its process. Linux tells whose a socket is. */
async function startBehindProxies(
  t: Test
): Promise<{ readonly dirs: readonly string[]; readonly proxies: LinkProxies }> {
  const directory = t.testdir()
  const { members, document } = foundNetwork({ names: NAMES, created: Date.now() })
  const processes: HospitalProcess[] = []
  const proxies = createLinkProxies(k => processes[k]?.pid)
  t.teardown(async () => {
    await Promise.all(processes.map(each => each.kill()))
    proxies.close()
  })
  const ports = await freePorts(3 * members.length)
  const told = await Promise.all(
    members.map(async ({ transport }, k) => {
      const port = await proxies.add(k, ports[k]!)
      return `/ip4/127.0.0.1/tcp/${port}/p2p/${peerNameOf(transportPublicKey(transport))}`
    })
  )
  const dirs = members.map(({ name }) => join(directory, name))
  for (const [k, secrets] of members.entries()) {
    const host = '127.0.0.1'
    await writeNodeDir(dirs[k]!, {
      genesis: document,
      secrets,
      config: {
        listen: [`/ip4/${host}/tcp/${ports[k]}`],
        announce: [told[k]!],
        bootstrap: told.filter(address => address !== told[k]),
        http: { host, port: ports[members.length + k]! },
        admin: { host, port: ports[2 * members.length + k]! }
      }
    })
    processes.push(
      createHospitalProcess({ name: secrets.name, dataDir: dirs[k]! }, () => undefined)
    )
  }
  await Promise.all(processes.map(each => each.start()))
  return { dirs, proxies }
}

async function until(
  dataDir: string,
  holds: (diagnosis: Diagnosis) => boolean
): Promise<{ exit: number; diagnosis: Diagnosis }> {
  const end = Date.now() + FOUND_MS
  for (;;) {
    const { exit, out } = await run('doctor', '--data-dir', dataDir, '--json')
    const diagnosis = JSON.parse(out.join('')) as Diagnosis
    if (holds(diagnosis)) return { exit, diagnosis }
    if (Date.now() > end) throw new Error(JSON.stringify(diagnosis, undefined, 1))
    await pause(500)
  }
}

function half(node: number): boolean {
  return node < 2
}

t.test(
  'a partition: the doctor of each half takes the line for the cause, and sees it heal',
  { skip: process.platform !== 'linux' && 'only Linux tells whose a connection is' },
  async t => {
    const { dirs, proxies } = await startBehindProxies(t)
    const well = await until(dirs[0]!, ({ quorum }) => quorum.reachable === 4)
    t.match(well, { exit: 0, diagnosis: { healthy: true } })

    proxies.apply((from, to) => ({ held: half(from) !== half(to) }))
    for (const [k, missing] of [
      [0, 'Caen and Dax'],
      [3, 'Ahus and Bern']
    ] as const) {
      const { exit, diagnosis } = await until(dirs[k]!, ({ findings }) =>
        findings.some(({ code }) => code === 'NETWORK_CUT')
      )
      t.equal(exit, 1)
      t.match(diagnosis.summary, `needed, and this node reaches 2. Missing: ${missing}.`)
      const cut = diagnosis.findings.find(({ code }) => code === 'NETWORK_CUT')
      t.match(cut?.text, `${missing} stopped answering at the same time`)
      t.match(cut?.text, 'most likely the network between them and this hospital is cut')
      t.match(cut?.act, /Ask the network operator.*Restart nothing/)
      t.notOk(diagnosis.findings.some(({ code }) => code === 'MEMBER_DOWN'))
    }

    proxies.apply(() => ({}))
    const healed = await until(dirs[0]!, ({ healthy }) => healthy)
    t.match(healed.diagnosis.quorum, { reachable: 4 })
  }
)
