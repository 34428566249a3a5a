import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createRules, devices, members, overrideOf } from '@vitalchain/contracts'
import { ed25519PublicKey, toHex, verifyReceipt } from '@vitalchain/core'
import t, { type Test } from 'tap'
import { createBackup } from '../../src/backup/create-backup.ts'
import { restoreBackup } from '../../src/backup/restore-backup.ts'
import { freePorts } from '../../src/dev/free-ports.ts'
import { createLedgerNode, createVoteState, type LedgerNode } from '../../src/index.ts'
import { peerNameOf, transportPublicKey } from '../../src/network/index.ts'
import { memberSecrets } from '../../src/testing/found-network.ts'
import { Hospitals } from '../node/disk-hospitals.ts'
import { until } from '../node/wait.ts'
import { Load } from './load.ts'

const ALL = [0, 1, 2, 3] as const
const KEY_ELSEWHERE =
  'a vote signed with this key did not come from this node: the key runs elsewhere too'

/** Takes a backup of a running node. @returns the file and the height that it ends with */
async function backUp(t: Test, node: LedgerNode, name: string): Promise<Backup> {
  const file = join(t.testdirName, `${name}.backup`)
  const { height } = node.ledger.head
  const chunks: Uint8Array[] = []
  for await (const chunk of createBackup(node.ledger, { node: name, taken: Date.now() }))
    chunks.push(chunk)
  await writeFile(file, Buffer.concat(chunks))
  return { file, height }
}

interface Backup {
  readonly file: string
  readonly height: number
}

async function restore({ file }: Backup, dataDir: string): Promise<void> {
  const rules = createRules([members, devices])
  await restoreBackup(file, dataDir, { rules, network: undefined, now: Date.now })
}

/** Everything that somebody has a receipt of is on a node's ledger, with its payload. */
function lacks(node: LedgerNode, load: Load): number {
  return load.acknowledged.filter(
    ({ id, digest }) =>
      node.ledger.findTransaction(id) === undefined || !node.ledger.hasPayload(digest)
  ).length
}

/** No transaction proves a fault of anybody. */
function evidenceOn({ ledger }: LedgerNode): number {
  const types = Array.from(
    { length: ledger.head.history.size },
    (_, leaf) => ledger.decodedTransaction(leaf)?.type
  )
  return types.filter(type => type === 'evidence').length
}

t.test(
  'a node that is restored from a backup taken under load loses nothing and contradicts nothing',
  async t => {
    const hospitals = new Hospitals(t)
    await hospitals.startNew(...ALL)
    const load = await Load.start([0, 1, 2].map(k => () => hospitals.nodeIfUp(k)))
    await until('some blocks are there', () => load.acknowledged.length >= 12)
    const before = hospitals.node(3).ledger.head.height
    const backup = await backUp(t, hospitals.node(3), 'D')
    t.ok(backup.height >= before)
    const then = load.acknowledged.length
    await until('it goes on', () => load.acknowledged.length >= then + 12)
    await hospitals.lose(3)
    await restore(backup, hospitals.dir(3))
    const node = await hospitals.start(3)
    t.match(node.status(), {
      votes: false,
      restored: { state: 'following', height: backup.height }
    })
    await until('it votes', () => node.status().votes)
    const voting = load.acknowledged.length
    await until('it goes on', () => load.acknowledged.length >= voting + 12)
    await until('it says that nothing is lost', () => node.status().restored?.state === 'whole')
    await load.stop()
    await hospitals.same(...ALL)
    await until('it has all payloads', () => node.status().payloadsMissing === 0)
    t.equal(lacks(node, load), 0)
    t.equal(evidenceOn(node), 0)
    for (const k of ALL) t.equal(hospitals.logged(k, KEY_ELSEWHERE), 0)
    t.equal(overrideOf(node.state, hospitals.member(3)), undefined)

    await hospitals.stop(3)
    const again = await hospitals.start(3)
    t.match(again.status().restored, { state: 'whole' }, 'it is noted durably')
    t.equal(again.status().votes || (await votesSoon(again)), true)
  }
)

async function votesSoon(node: LedgerNode): Promise<boolean> {
  await until('it votes', () => node.status().votes)
  return true
}

t.test('four nodes restored from backups of one height go on from the same head', async t => {
  const hospitals = new Hospitals(t)
  await hospitals.startNew(...ALL)
  const load = await Load.start(ALL.map(k => () => hospitals.nodeIfUp(k)))
  await until('some blocks are there', () => load.acknowledged.length >= 12)
  await load.stop()
  await hospitals.same(...ALL)
  const { head, height } = hospitals.node(0).status()
  for (const k of ALL)
    await until('it has all payloads', () => hospitals.node(k).status().payloadsMissing === 0)
  const backups = await Promise.all(ALL.map(k => backUp(t, hospitals.node(k), `node-${k}`)))
  for (const k of ALL) await hospitals.lose(k)
  for (const k of ALL) await restore(backups[k]!, hospitals.dir(k))
  for (const k of ALL) await hospitals.start(k)
  for (const k of ALL) {
    const status = hospitals.node(k).status()
    t.match(status, { head, votes: false, restored: { state: 'following', height } })
    t.equal(lacks(hospitals.node(k), load), 0)
  }
  await goOnByOverride(t, hospitals, height)
})

/** What the guide says: each node is started once more, with the override. */
async function goOnByOverride(t: Test, hospitals: Hospitals, height: number): Promise<void> {
  for (const k of ALL) {
    await hospitals.stop(k)
    await hospitals.start(k, { acceptDoubleSignRisk: true })
  }
  await until('all overrides are on the chain', () =>
    ALL.every(k => overrideOf(hospitals.node(0).state, hospitals.member(k))?.count === 1)
  )
  await hospitals.commit(1)
  await hospitals.same(...ALL)
  for (const k of ALL) {
    t.match(hospitals.node(k).status(), {
      votes: true,
      restored: { state: 'lost', resumedAt: height }
    })
    t.equal(hospitals.logged(k, 'restored from a backup: lost'), 1)
  }
  t.equal(evidenceOn(hospitals.node(0)), 0)
}

t.test('who took no override itself reports the loss too, and votes when it is safe', async t => {
  const hospitals = new Hospitals(t)
  await hospitals.startNew(...ALL)
  await hospitals.commit(0)
  await hospitals.same(...ALL)
  const { height } = hospitals.node(0).status()
  const backups = await Promise.all(ALL.map(k => backUp(t, hospitals.node(k), `node-${k}`)))
  for (const k of ALL) await hospitals.lose(k)
  for (const k of ALL) await restore(backups[k]!, hospitals.dir(k))
  await hospitals.start(3)
  for (const k of [0, 1, 2]) await hospitals.start(k, { acceptDoubleSignRisk: true })
  const fourth = hospitals.node(3)
  await until('it sees what the others did', () => fourth.status().restored?.state === 'lost')
  t.match(fourth.status(), { restored: { resumedAt: height } })
  // An operator makes one call at a time.
  await until('the overrides are on the chain', () =>
    [0, 1, 2].every(k => overrideOf(hospitals.node(0).state, hospitals.member(k))?.count === 1)
  )
  for (let k = 0; k < 3; k++) await hospitals.commit(0)
  await until('it votes', () => fourth.status().votes)
  t.equal(overrideOf(fourth.state, hospitals.member(3)), undefined)
})

t.test('what four backups taken under load lack is reported by every node', async t => {
  const hospitals = new Hospitals(t)
  await hospitals.startNew(...ALL)
  const load = await Load.start(ALL.map(k => () => hospitals.nodeIfUp(k)))
  const backups: Backup[] = []
  for (const k of ALL) {
    const then = load.acknowledged.length
    await until('it goes on', () => load.acknowledged.length >= then + 8)
    backups.push(await backUp(t, hospitals.node(k), `node-${k}`))
  }
  const last = Math.max(...backups.map(({ height }) => height))
  await until('more is acknowledged', () => load.height >= last + 3)
  await load.stop()
  const lost = load.acknowledged.filter(({ height }) => height > last)
  t.ok(lost.length > 0)
  const { genesisBytes: genesis } = hospitals.node(0).ledger
  for (const k of ALL) await hospitals.lose(k)
  for (const k of ALL) await restore(backups[k]!, hospitals.dir(k))
  for (const k of ALL) await hospitals.start(k)
  await until('they have what any of them has', () =>
    ALL.every(k => hospitals.node(k).status().height === last)
  )
  await goOnByOverride(t, hospitals, last)

  const { ledger } = hospitals.node(0)
  for (const { id, receipt, height } of load.acknowledged) {
    if (height <= last) t.not(ledger.findTransaction(id), undefined)
    else t.equal(verifyReceipt(receipt, { genesis }).header.height, height, 'still a proof')
  }
  const ahead = load.devices.filter(device =>
    load.acknowledged.some(
      ({ id, height }) => height > last && toHex(id) === toHex(device.previous)
    )
  )
  t.ok(ahead.length > 0)
  for (const k of ALL) {
    for (const device of ahead) {
      const { candidate, payload } = await device.sign(device.next)
      await t.rejects(hospitals.node(k).submit({ transaction: candidate.bytes, payload }), {
        code: 'ERR_LEDGER_RESTORED',
        values: { resumedAt: last }
      })
    }
    t.match(hospitals.node(k).status().restored, { devicesAhead: ahead.length })
  }
})

t.test('a follower that kept everything brings back what the backups lack', async t => {
  const hospitals = new Hospitals(t)
  const { transport } = memberSecrets('follower')
  const followers = [peerNameOf(transportPublicKey(transport))]
  const listen = [`/ip4/127.0.0.1/tcp/${(await freePorts(1))[0]}`]
  await hospitals.startNew(1, 2, 3)
  await createVoteState(hospitals.dir(0), ed25519PublicKey(hospitals.secrets(0).consensus))
  const host = await hospitals.start(0, { followers, listen })
  const follower = createLedgerNode({
    genesis: hospitals.founded.document,
    keys: { transport },
    follow: true,
    bootstrap: host.addresses()
  })
  t.teardown(() => follower.stop())
  await follower.start()
  await hospitals.commit(0)
  const backups = await Promise.all(ALL.map(k => backUp(t, hospitals.node(k), `node-${k}`)))
  await hospitals.commit(1)
  await hospitals.commit(2)
  const { height } = hospitals.node(2).status()
  await until('the follower has it', () => follower.status().height === height)
  for (const k of ALL) await hospitals.lose(k)
  for (const k of ALL) await restore(backups[k]!, hospitals.dir(k))
  await hospitals.start(0, { followers, listen })
  for (const k of [1, 2, 3]) await hospitals.start(k)
  for (const k of ALL)
    await until(
      'it has what the follower has',
      () => hospitals.node(k).status().head === follower.status().head
    )
  t.ok(height > Math.max(...backups.map(backup => backup.height)))
})
