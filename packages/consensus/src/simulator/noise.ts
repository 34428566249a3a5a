import { sha256, u32be } from '@vitalchain/core'
import { SCOPE, buildBlock } from './chain.ts'
import { encodeMessage, type Message } from './replica.ts'
import type { Outgoing, Villain } from './villain.ts'

const VIEW_MAX = 0xffff_ffff
const NO_CLAIM = { preparedView: -1, preparedHash: new Uint8Array(32), prepared: undefined }

/** Votes of views and heights far ahead, and proposals out of turn. */
export function flood(villain: Villain): readonly Outgoing[] {
  const { random, sender } = villain
  const { height } = villain.context
  const view = villain.state?.round?.view ?? 0
  // Also a proposal, whoever leads.
  const block = buildBlock(villain.context, { view, proposer: sender, time: villain.host.clock }, [
    1_000_000 + random.integer(1_000)
  ])
  const proposal = {
    type: 'proposal',
    height,
    view,
    sender,
    block,
    justification: undefined
  } as const
  const votes = Array.from({ length: 4 }, () => {
    const blockHash = sha256(u32be(random.integer(1_000)))
    const far = random.chance(0.5)
    return {
      to: 'all',
      message: villain.sign({
        type: random.pick(['prepare', 'commit']),
        height: height + (far ? random.integer(4) : 0),
        view: view + random.integer(20),
        sender,
        blockHash
      })
    } as const
  })
  return [...votes, { to: 'all', message: villain.sign(proposal) }]
}

/** View changes to the last views there are. */
export function stormViews(villain: Villain): readonly Outgoing[] {
  const { random, sender } = villain
  const { height } = villain.context
  const view = VIEW_MAX - random.integer(3)
  return [
    {
      to: 'all',
      message: villain.sign({ type: 'view-change', height, view, sender, ...NO_CLAIM })
    }
  ]
}

/** STATUS of a height that nobody decided. */
export function lieAboutHeight(villain: Villain): readonly Outgoing[] {
  const { height, parentHash } = villain.context
  const view = villain.random.integer(9)
  return [
    {
      to: 'all',
      message: {
        type: 'status',
        height: height + villain.random.integer(1_000),
        headHash: parentHash,
        view,
        clock: 0,
        version: 1
      }
    }
  ]
}

/** Votes that are signed for another network or another recovery epoch. */
export function signElsewhere(villain: Villain, message: Message): readonly Outgoing[] {
  if (message.type !== 'prepare' && message.type !== 'commit') return []
  const scope = villain.random.pick([
    { ...SCOPE, recoveryEpoch: 1 },
    { ...SCOPE, network: sha256(SCOPE.network) }
  ])
  const { type, height, view, blockHash } = message
  const vote = { type, height, view, sender: villain.sender, blockHash }
  return [{ to: 'all', message: villain.sign(vote, scope) }]
}

/** Somebody's vote with other contents under its signature: the signer must not be accused of it. */
export function frame(_: Villain, message: Message): readonly Outgoing[] {
  switch (message.type) {
    case 'prepare':
    case 'commit':
      return [{ to: 'all', message: { ...message, blockHash: sha256(message.blockHash) } }]
    case 'view-change':
      return [{ to: 'all', message: { ...message, ...NO_CLAIM, view: message.view + 1 } }]
    case 'proposal': {
      const header = { ...message.block.header, time: message.block.header.time + 1 }
      return [{ to: 'all', message: { ...message, block: { ...message.block, header } } }]
    }
    case 'status':
    case 'decided':
    case 'inquiry':
    case 'answer':
      return []
  }
}

/** Bytes that are no message, or not quite the one that they were. */
export function malform(villain: Villain, message: Message): readonly Outgoing[] {
  const { random } = villain
  const bytes = encodeMessage(message)
  const flipped = bytes.slice()
  const at = random.integer(bytes.length)
  flipped[at] = (flipped[at] ?? 0) ^ (1 << random.integer(8))
  const longer = new Uint8Array(bytes.length + 1)
  longer.set(bytes)
  const chosen = random.pick([flipped, bytes.subarray(0, at), longer])
  return [{ to: 'all', message: chosen }]
}
