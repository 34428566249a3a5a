import t from 'tap'
import { checkGreeting, signGreeting, type Greeting } from '../../src/device/greeting.ts'
import { seed, testSigner } from '../ledger/small-ledger.ts'

const signer = testSigner('ed25519', 'node')
const greeting: Greeting = {
  network: seed('network'),
  node: signer.publicKey.bytes,
  nonce: seed('nonce'),
  challenge: seed('challenge')
}
const answer = { ...greeting, proof: await signGreeting(signer, greeting) }

t.test('a node that signs the nonce is the one that it says it is', async t => {
  t.doesNotThrow(() => checkGreeting(answer, greeting))
})

t.test('a greeting for another nonce, network or challenge proves nothing', async t => {
  t.throws(() => checkGreeting(answer, { ...greeting, nonce: seed('other') }), {
    code: 'ERR_NODE_KEY',
    retryable: true
  })
  for (const field of ['network', 'challenge'] as const)
    t.throws(() => checkGreeting({ ...answer, [field]: seed('other') }, greeting), {
      code: 'ERR_NODE_KEY'
    })
})

t.test('another node than expected is refused, also when its proof is good', async t => {
  const other = testSigner('ed25519', 'other node')
  const theirs = { ...greeting, node: other.publicKey.bytes }
  const proof = await signGreeting(other, theirs)
  t.doesNotThrow(() => checkGreeting({ ...theirs, proof }, theirs))
  t.throws(() => checkGreeting({ ...theirs, proof }, greeting), { code: 'ERR_NODE_KEY' })
  t.throws(() => checkGreeting({ ...greeting, proof }, greeting), { code: 'ERR_NODE_KEY' })
})
