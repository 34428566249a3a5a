import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { networkId, useCryptoBackend } from '@vitalchain/core'
import t, { type Test } from 'tap'
import { serveSigner, type SignerServer } from '../../src/consensus/signer-server.ts'
import { openVoteSigner } from '../../src/consensus/vote-signer.ts'
import { openVoteStore } from '../../src/consensus/vote-store.ts'
import { nodeCryptoBackend } from '../../src/crypto/node-crypto-backend.ts'
import { createNodeSigner } from '../../src/crypto/node-signer.ts'
import { createLedgerNode, type LedgerNode } from '../../src/index.ts'
import { startHospitals, type Hospitals } from '../network/hospitals.ts'
import { until } from './wait.ts'

useCryptoBackend(nodeCryptoBackend)

/** The signer of a founder's key, which never signed anything. */
async function signerOf(
  t: Test,
  { founded }: Hospitals,
  k: number
): Promise<{ readonly path: string; serve(): Promise<SignerServer> }> {
  const dir = await mkdtemp(join(tmpdir(), 'vc-remote-'))
  const store = await openVoteStore('memory')
  const key = createNodeSigner(founded.members[k]!.consensus)
  await store.of(key.publicKey.bytes).begin(1)
  const signer = await openVoteSigner(key, store)
  const path = join(dir, 's')
  t.teardown(() => rm(dir, { recursive: true, force: true }))
  return {
    path,
    async serve() {
      const server = await serveSigner({
        signer,
        scope: { network: networkId(founded.document), recoveryEpoch: 0 },
        path,
        log: () => undefined
      })
      t.teardown(() => server.stop())
      return server
    }
  }
}

/** The last hospital, which has no consensus key of its own. */
async function keyless(t: Test, { founded, nodes }: Hospitals, path: string): Promise<LedgerNode> {
  const node = createLedgerNode({
    genesis: founded.document,
    keys: { transport: founded.members[3]!.transport },
    signer: path,
    bootstrap: nodes.flatMap(each => each.addresses())
  })
  t.teardown(() => node.stop())
  await node.start()
  return node
}

t.test('a node whose key is in another process votes, and follows while it is away', async t => {
  const hospitals = await startHospitals(t, { running: [0, 1, 2] })
  const signer = await signerOf(t, hospitals, 3)
  const node = await keyless(t, hospitals, signer.path)
  await until('it follows', () => node.status().height === 1)
  t.equal(node.status().votes, false)
  const server = await signer.serve()
  await until('it votes', () => node.status().votes)
  // Three of four are a quorum only with it.
  await hospitals.stop(2)
  await hospitals.commit(0)
  await until('it has the block', () => node.status().height === 2)
  await server.stop()
  await signer.serve()
  await hospitals.commit(0)
  await until('it has the next block', () => node.status().height === 3)
})

t.test('a node does not vote with a signer that holds the key of another member', async t => {
  const hospitals = await startHospitals(t, { running: [0, 1, 2] })
  const signer = await signerOf(t, hospitals, 2)
  await signer.serve()
  const node = await keyless(t, hospitals, signer.path)
  t.match(await node.failed, { code: 'ERR_KEYS_NOT_OF_MEMBER' }, 'and says why in so many words')
})
