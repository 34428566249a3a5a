import { blockHash, sha256, u32be } from '@vitalchain/core'
import { buildBlock, contextOf } from './chain.ts'
import type { Host } from './host.ts'
import { messageSignBytes, type Message, type SignedMessage, type Unsigned } from './replica.ts'
import { NETWORK } from './chain.ts'
import type { World } from './world.ts'

/**
 * What a faulty validator does beside, or in place of, running the protocol:
 * - `silent` says nothing;
 * - `twins` are two machines with one key that know nothing of each other;
 * - `equivocator` proposes two blocks to two halves and votes for both;
 * - `invalid` proposes blocks that nobody can accept, and one header with two lists of transactions;
 * - `liar` votes for everything in any view, and hides what it prepared in its view changes.
 */
export type Strategy = 'silent' | 'twins' | 'equivocator' | 'invalid' | 'liar'

/** All strategies. */
export const STRATEGIES: readonly [Strategy, ...Strategy[]] = [
  'silent',
  'twins',
  'equivocator',
  'invalid',
  'liar'
]

const SCOPE = { network: NETWORK, recoveryEpoch: 0 }
const NO_HASH = new Uint8Array(32)

/** Signs anything in the name of a faulty validator. */
function signAs(world: World, validator: number, message: Unsigned): SignedMessage {
  const signature = world.keys.sign(validator, messageSignBytes(SCOPE, message))
  return { ...message, signature }
}

/** What a faulty validator sends in place of a message; true when that was all. */
export function sendFaulty(
  world: World,
  host: Host,
  strategy: Strategy,
  message: Message
): boolean {
  if (strategy === 'silent') return true
  if (message.type === 'proposal' && strategy === 'equivocator')
    return equivocate(world, host, message)
  if (message.type === 'proposal' && strategy === 'invalid') return spoil(world, host, message)
  if (message.type === 'view-change' && strategy === 'liar') {
    const hidden = { ...message, preparedView: -1, preparedHash: NO_HASH, prepared: undefined }
    world.deliver(host, 'all', signAs(world, host.validator, hidden))
    return true
  }
  return false
}

/** What a faulty validator does on hearing something, beside what the protocol says. */
export function hearFaulty(world: World, host: Host, strategy: Strategy, message: Message): void {
  const { random } = world
  if (strategy !== 'liar' || message.type === 'status' || message.type === 'decided') return
  if (world.strategyOf(message.sender) !== undefined || !random.chance(0.3)) return
  const { height } = message
  const sender = host.validator
  if (message.type === 'view-change') {
    const view = message.view + (random.chance(0.2) ? random.integer(4) : 0)
    const claim = {
      type: 'view-change',
      height,
      view,
      sender,
      preparedView: -1,
      preparedHash: NO_HASH,
      prepared: undefined
    } as const
    world.deliver(host, 'all', signAs(world, sender, claim))
    return
  }
  const hash = message.type === 'proposal' ? blockHash(message.block.header) : message.blockHash
  const view = Math.max(0, message.view + (random.chance(0.2) ? random.integer(3) - 1 : 0))
  for (const type of ['prepare', 'commit'] as const) {
    world.deliver(
      host,
      'all',
      signAs(world, sender, {
        type,
        height,
        view,
        sender,
        blockHash: random.chance(0.1) ? sha256(u32be(height)) : hash
      })
    )
  }
}

function equivocate(
  world: World,
  host: Host,
  message: Extract<Message, { type: 'proposal' }>
): boolean {
  // A justified proposal leaves no choice of block.
  if (message.justification?.prepared !== undefined) return false
  const { height, view, sender } = message
  const context = contextOf(host.disk.chain, world.keys)
  if (context.height !== height) return false
  const origin = { view, proposer: sender, time: message.block.header.time }
  const other = buildBlock(context, origin, [world.nextNonce()])
  const second = signAs(world, sender, { ...message, block: other })
  for (const validator of world.others(host)) {
    const chosen = world.random.chance(0.5) ? message : second
    world.deliver(host, [validator], chosen)
    if (chosen.type !== 'proposal') continue
    const hash = blockHash(chosen.block.header)
    for (const type of ['prepare', 'commit'] as const) {
      world.deliver(
        host,
        [validator],
        signAs(world, sender, { type, height, view, sender, blockHash: hash })
      )
    }
  }
  return true
}

function spoil(world: World, host: Host, message: Extract<Message, { type: 'proposal' }>): boolean {
  const { height, view, sender, block } = message
  const context = contextOf(host.disk.chain, world.keys)
  if (context.height !== height) return false
  if (world.random.chance(0.5) && message.justification?.prepared === undefined) {
    const bad = buildBlock(
      context,
      { view, proposer: sender, time: block.header.time },
      [world.nextNonce()],
      false
    )
    world.deliver(host, 'all', signAs(world, sender, { ...message, block: bad }))
    return true
  }
  // The header binds its list, but the proposal's signature covers only the header: half get another list.
  const other = {
    ...message,
    block: {
      ...block,
      transactions: block.transactions.map(() => sha256(u32be(world.nextNonce())))
    }
  }
  for (const validator of world.others(host))
    world.deliver(host, [validator], world.random.chance(0.5) ? message : other)
  return true
}
