import { genesisFormat, networkId, toHex } from '@vitalchain/core'
import t from 'tap'
import { until } from '../node/wait.ts'
import { codesOf, startWards, untilFound, NAMES } from './hospitals.ts'
import { foundNetwork } from '../../src/testing/found-network.ts'

t.test(
  'a wrong genesis: the doctor of the node that has it says so, and who meets it too',
  async t => {
    const founded = foundNetwork({ names: NAMES, created: Date.now() })
    const other = genesisFormat.encode({ ...founded.genesis, name: 'the draft of last week' })
    const { nodes } = await startWards(t, {
      founded,
      running: [0, 1, 2],
      options: k => (k === 3 ? { genesis: other } : {})
    })
    await nodes[3]!.start()
    const ours = toHex(networkId(founded.document)).slice(0, 16)
    const own = await untilFound(nodes[3]!, 'GENESIS_OWN')
    t.equal(own.diagnosis.summary, own.finding.text)
    t.match(
      own.finding.text,
      `the nodes at Ahus, Bern and Caen answer and belong to network ${ours}`
    )
    t.match(own.finding.text, toHex(networkId(other)).slice(0, 16))
    t.match(own.finding.act, /sha256sum genesis.cbor/)

    const { finding, diagnosis } = await untilFound(nodes[0]!, 'GENESIS_OTHER', 'Dax')
    t.match(finding.text, toHex(networkId(other)).slice(0, 16))
    t.same(codesOf(diagnosis), ['GENESIS_OTHER'])
  }
)

t.test(
  'a wrong address: the doctor says who answers there instead, and at which address nothing listens',
  async t => {
    const { nodes, addresses } = await startWards(t, {
      running: [0, 1, 2],
      options: (k, all) => {
        if (k !== 0) return {}
        const at = (who: number, where: string): string => all[who]!.replace(/tcp\/\d+/, where)
        const port = (who: number): string => /tcp\/\d+/.exec(all[who]!)![0]
        // Dax is looked for where Bern is, and Caen where nobody is.
        return { bootstrap: [at(3, port(1)), at(2, 'tcp/1')] }
      }
    })
    await until('Caen found us', () => nodes[0]!.status().links.includes('Caen'))
    const dax = await untilFound(nodes[0]!, 'ADDRESS_WRONG', 'Dax')
    t.match(dax.finding.text, /another node answers than that of Dax/)
    t.match(dax.finding.text, addresses[1]!.replace(/\/p2p.*/, ''))
    t.match(dax.finding.act, /Ask Dax for the address of its node/)
    const caen = await untilFound(nodes[0]!, 'ADDRESS_WRONG', '/ip4/127.0.0.1/tcp/1')
    t.match(caen.finding.text, /of Caen is wrong: its computer answers and nothing listens there/)
  }
)

t.test('a firewall: a member that tries to connect says that it cannot', async t => {
  const { nodes } = await startWards(t, {
    running: [0, 1, 2],
    options: k => (k === 3 ? { listen: [], announce: ['/ip4/127.0.0.1/tcp/2'] } : {})
  })
  await nodes[3]!.start()
  const { finding } = await untilFound(nodes[3]!, 'NOT_REACHED')
  t.match(
    finding.text,
    /^(?:Ahus|Bern|Caen) could not connect to this node at \/ip4\/127.0.0.1\/tcp\/2/
  )
  t.match(finding.act, /Let its port \(TCP\) in at the firewall/)
  t.notOk((await nodes[0]!.diagnose()).findings.some(({ code }) => code === 'NOT_REACHED'))
})
