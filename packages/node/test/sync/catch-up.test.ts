import {
  blockFormat,
  bytes,
  certificateCodec,
  format,
  tuple,
  VitalchainError,
  type Certificate
} from '@vitalchain/core'
import t from 'tap'
import { createCatchUp } from '../../src/sync/catch-up.ts'
import { commitNext, ledgerWithDevice, memberOf, testLedger } from '../ledger/fixture.ts'
import { FakeNetwork } from '../node/fake-network.ts'

const certified = format<{ block: Uint8Array; certificate: Certificate }>(
  'certified block',
  4 * 1024 * 1024,
  tuple({ block: bytes(1, 4 * 1024 * 1024), certificate: certificateCodec })
)

t.test(
  'a member that sends one old block for ever does not keep a node from catching up',
  async t => {
    const { network, ledger: ahead, device } = await ledgerWithDevice()
    for (let k = 0; k < 3; k++) await commitNext(network, ahead, [(await device.read()).candidate])
    const behind = await testLedger(network)
    const links = new FakeNetwork()
    const encoded = (height: number): Uint8Array =>
      certified.encode({
        block: blockFormat.encode(ahead.block(height)!),
        certificate: ahead.certificate(height)!
      })
    const [faulty, honest] = [memberOf(network, 1).id, memberOf(network, 2).id]
    links.link(faulty, 'blocks', function* () {
      for (let k = 0; k < 1_000; k++) yield encoded(2)
      throw new Error('was read to the end')
    })
    links.link(honest, 'blocks', function* () {
      for (let height = behind.head.height + 1; height <= ahead.head.height; height++)
        yield encoded(height)
    })
    const failures: unknown[] = []
    const catchUp = createCatchUp({
      ledger: behind,
      network: links,
      signal: () => new AbortController().signal,
      exclusive: change => change(),
      onCommitted: () => undefined,
      onDiverged: error => t.fail(error.message),
      lastHeightOf: () => undefined,
      log: (_event, { code }) => void failures.push(code)
    })
    await catchUp.run(Uint8Array.from(faulty))
    t.equal(behind.head.height, 4)
    t.same(failures, ['ERR_BLOCK_HEIGHT'], 'the faulty one was asked once')
  }
)

t.test(
  'a member whose line is dead does not hold a node up: the next one is asked meanwhile',
  async t => {
    const { network, ledger: ahead, device } = await ledgerWithDevice()
    await commitNext(network, ahead, [(await device.read()).candidate])
    const behind = await testLedger(network)
    t.teardown(() => Promise.all([ahead.close(), behind.close()]))
    const links = new FakeNetwork()
    const [dead, alive] = [memberOf(network, 1).id, memberOf(network, 2).id]
    let released = false
    links.link(dead, 'blocks', async function* (_request, signal) {
      // Nothing comes, for as long as the node waits for it.
      yield await new Promise<Uint8Array>((_resolve, reject) =>
        signal?.addEventListener('abort', () => {
          released = true
          reject(new Error('given up'))
        })
      )
    })
    links.link(alive, 'blocks', function* () {
      for (let height = behind.head.height + 1; height <= ahead.head.height; height++)
        yield certified.encode({
          block: blockFormat.encode(ahead.block(height)!),
          certificate: ahead.certificate(height)!
        })
    })
    const catchUp = createCatchUp({
      ledger: behind,
      network: links,
      signal: () => new AbortController().signal,
      exclusive: change => change(),
      onCommitted: () => undefined,
      onDiverged: error => t.fail(error.message),
      lastHeightOf: () => undefined,
      log: event => t.fail(event)
    })
    await catchUp.run(Uint8Array.from(dead))
    t.equal(behind.head.height, ahead.head.height)
    t.ok(released, 'the dead one is waited for no longer')
  }
)

t.test('a node whose state differs from the others stops at the first certified block', async t => {
  const { network, ledger: ahead, device } = await ledgerWithDevice()
  await commitNext(network, ahead, [(await device.read()).candidate])
  const behind = await testLedger(network)
  t.teardown(() => Promise.all([ahead.close(), behind.close()]))
  const links = new FakeNetwork()
  const member = memberOf(network, 1).id
  links.link(member, 'blocks', function* () {
    for (const height of [1, 2]) {
      const block = blockFormat.encode(ahead.block(height)!)
      yield certified.encode({ block, certificate: ahead.certificate(height)! })
    }
  })
  const fatal: string[] = []
  const catchUp = createCatchUp({
    // A rule that this node carries out in another way than the quorum did.
    ledger: {
      ...behind,
      get head() {
        return behind.head
      },
      validate() {
        throw new VitalchainError('ERR_BLOCK_STATE', 'its state root is another')
      }
    },
    network: links,
    signal: () => new AbortController().signal,
    exclusive: change => change(),
    onCommitted: () => undefined,
    onDiverged: error => void fatal.push(error.code),
    lastHeightOf: () => undefined,
    log: () => undefined
  })
  await catchUp.run(member)
  t.same(fatal, ['ERR_DIVERGED'])
  t.equal(behind.head.height, 0)
})
