import {
  blockFormat,
  bytes,
  certificateCodec,
  format,
  tuple,
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
      log: (_event, { code }) => void failures.push(code)
    })
    await catchUp.run(Uint8Array.from(faulty))
    t.equal(behind.head.height, 4)
    t.same(failures, ['ERR_BLOCK_HEIGHT'], 'the faulty one was asked once')
  }
)
