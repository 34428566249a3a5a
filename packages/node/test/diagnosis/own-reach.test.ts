import { sha256, u32be } from '@vitalchain/core'
import t from 'tap'
import { createOwnReach } from '../../src/diagnosis/own-reach.ts'
import { ledgerWithDevice, memberOf } from '../ledger/fixture.ts'
import { FakeNetwork } from '../node/fake-network.ts'

t.test('only members are asked whether this node can be reached, no follower', async t => {
  const { network, ledger } = await ledgerWithDevice()
  const links = new FakeNetwork()
  const { signal } = new AbortController()
  const reach = createOwnReach({ ledger, network: links, signal })
  const asked: string[] = []
  const answer = (name: string) =>
    function* (): Generator<Uint8Array> {
      asked.push(name)
      yield new Uint8Array(0)
    }
  links.link(sha256(u32be(1)), 'dial-back', answer('follower'))
  t.equal(await reach.observe(), undefined)
  t.same(asked, [])
  links.link(memberOf(network, 1).id, 'dial-back', answer('member'))
  for (let k = 0; k < 3; k++) await reach.observe()
  t.same(asked, ['member', 'member', 'member'])
})
