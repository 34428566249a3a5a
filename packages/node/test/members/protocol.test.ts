import { activateArgs } from '@vitalchain/contracts'
import { ed25519PublicKey } from '@vitalchain/core'
import t from 'tap'
import { openVoteStore, voteStoreOf } from '../../src/consensus/vote-store.ts'
import { startWards, untilFound } from '../diagnosis/hospitals.ts'
import { until } from '../node/wait.ts'

t.test(
  'a node stops with its name before it votes under a protocol version that it does not know',
  async t => {
    const dataDir = t.testdir()
    const { nodes, submit, logs, founded } = await startWards(t, {
      options: k => (k === 0 ? { dataDir } : {})
    })
    const height = 6
    for (const node of nodes.slice(0, 3))
      await node.call('members.activate', activateArgs({ version: 2, height }))
    const warned = await untilFound(nodes[0]!, 'VERSION_ENDS')
    t.match(warned.finding.text, `activated protocol version 2 from block ${height} on`)
    t.match(warned.finding.text, `it stops after block ${height - 1}`)

    const ended = Promise.all(nodes.map(node => node.failed))
    await until('the call is everywhere', () => nodes.every(node => node.status().height === 4))
    await submit(0)
    const message = `the members activated protocol version 2 from block ${height} on, and this software knows versions up to 1`
    for (const error of await ended)
      t.match(error, {
        code: 'ERR_PROTOCOL_VERSION',
        message,
        values: { version: 2, known: 1, height: height - 1 }
      })
    await Promise.all(nodes.map(node => node.stop()))
    const said = logs.flat().filter(({ event }) => event === 'node stops')
    t.equal(said.length, 4)

    const votes = await openVoteStore(voteStoreOf(dataDir))
    const kept = await votes.of(ed25519PublicKey(founded.members[0]!.consensus)).read()
    await votes.close()
    t.equal(kept?.height, height - 1, 'it signed nothing at the height of the new version')

    const stopped = await nodes[0]!.diagnose()
    t.match(stopped.findings, [{ code: 'PROTOCOL_VERSION', severity: 'critical' }])
    t.match(stopped.findings[0]?.act, /Install the version of the software that knows it/)
    await t.rejects(nodes[0]!.start(), { code: 'ERR_PROTOCOL_VERSION', message })
  }
)
