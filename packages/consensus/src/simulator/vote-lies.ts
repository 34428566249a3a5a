import { blockHash, sha256, u32be } from '@vitalchain/core'
import { isSigned, type Message } from './replica.ts'
import type { Outgoing, Villain } from './villain.ts'

const NO_HASH = new Uint8Array(32)

/** Every message reaches some of the others only. */
export function speakToFew(
  villain: Villain,
  _: 'all' | readonly number[],
  message: Message
): readonly Outgoing[] {
  return [{ to: villain.others.filter(() => villain.random.chance(0.5)), message }]
}

/** PREPARE and COMMIT for whatever anybody names, in any view, and an empty view change to any view. */
export function voteForEverything(villain: Villain, message: Message): readonly Outgoing[] {
  if (!isSigned(message)) return []
  const { random, sender } = villain
  const { height } = message
  if (message.type === 'view-change') {
    const view = message.view + (random.chance(0.2) ? random.integer(4) : 0)
    const claim = { preparedView: -1, preparedHash: NO_HASH, prepared: undefined }
    const change = villain.sign({ type: 'view-change', height, view, sender, ...claim })
    return [{ to: 'all', message: change }]
  }
  const named = message.type === 'proposal' ? blockHash(message.block.header) : message.blockHash
  const view = Math.max(0, message.view + (random.chance(0.2) ? random.integer(3) - 1 : 0))
  return (['prepare', 'commit'] as const).map(type => {
    const hash = random.chance(0.1) ? sha256(u32be(height)) : named
    return {
      to: 'all',
      message: villain.sign({ type, height, view, sender, blockHash: hash })
    }
  })
}

/** COMMIT as soon as there is a proposal, whoever prepared it. */
export function commitEarly(villain: Villain, message: Message): readonly Outgoing[] {
  if (message.type !== 'proposal') return []
  const { height, view } = message
  const hash = blockHash(message.block.header)
  const { sender } = villain
  return [
    {
      to: 'all',
      message: villain.sign({ type: 'commit', height, view, sender, blockHash: hash })
    }
  ]
}
