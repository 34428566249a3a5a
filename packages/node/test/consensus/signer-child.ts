import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { sha256, useCryptoBackend } from '@vitalchain/core'
import { serveSigner } from '../../src/consensus/signer-server.ts'
import { openVoteSigner } from '../../src/consensus/vote-signer.ts'
import { openVoteStore, takeVoteState, voteStoreOf } from '../../src/consensus/vote-store.ts'
import { nodeCryptoBackend } from '../../src/crypto/node-crypto-backend.ts'
import { createNodeSigner } from '../../src/crypto/node-signer.ts'

// A signer that is killed between a write and its answer, once, when a file named crash is in its directory.
const [, , dataDir = '', socket = '', seed = ''] = process.argv
process.stdin.resume()
process.stdin.on('end', () => process.exit())
useCryptoBackend(nodeCryptoBackend)
const key = createNodeSigner(Buffer.from(seed, 'hex'))
const store = await openVoteStore(voteStoreOf(dataDir))
await takeVoteState(dataDir, key.publicKey.bytes, store.of(key.publicKey.bytes))
const signer = await openVoteSigner(key, store)
await serveSigner({
  signer: {
    publicKey: signer.publicKey,
    get first() {
      return signer.first
    },
    get last() {
      return signer.last
    },
    async sign(votes, record, bodies) {
      const signed = await signer.sign(votes, record, bodies)
      const crash = join(dataDir, 'crash')
      if (existsSync(crash)) {
        rmSync(crash)
        process.kill(process.pid, 'SIGKILL')
        await new Promise(() => undefined)
      }
      return signed
    },
    begin: height => signer.begin(height),
    distrust: () => signer.distrust(),
    retire: proof => signer.retire(proof),
    close: () => signer.close()
  },
  scope: { network: sha256(readFileSync(join(dataDir, 'genesis.cbor'))), recoveryEpoch: 0 },
  path: socket,
  log: () => undefined
})
process.stdout.write('ready\n')
