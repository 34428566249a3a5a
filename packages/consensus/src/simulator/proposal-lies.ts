import { blockHash, sha256, u32be, type Header } from '@vitalchain/core'
import { INVALID_STATE } from './chain.ts'
import type { BlockProposal, Justification, Message, ProposalMessage } from './replica.ts'
import { baseTimeout } from './replica.ts'
import type { Outgoing, Villain } from './villain.ts'

type To = 'all' | readonly number[]

/** Two blocks for two random halves, with votes for each. */
export function equivocate(villain: Villain, to: To, message: Message): readonly Outgoing[] {
  if (!isFresh(message)) return [{ to, message }]
  const { height, view, block } = message
  const second = withHeader(villain, message, { time: block.header.time + 1 })
  return villain.others.flatMap(validator => {
    const chosen = villain.random.chance(0.5) ? message : second
    const hash = blockHash(chosen.block.header)
    const votes = (['prepare', 'commit'] as const).map(type =>
      villain.sign({ type, height, view, sender: villain.sender, blockHash: hash })
    )
    return [chosen, ...votes].map(each => ({ to: [validator], message: each }))
  })
}

/** A justification in which the view change of somebody is to another view. */
export function mixViews(villain: Villain, to: To, message: Message): readonly Outgoing[] {
  if (message.type !== 'proposal' || message.justification === undefined) return [{ to, message }]
  const other = [...(villain.state?.round?.viewChanges.values() ?? [])].find(
    each => each.view !== message.view
  )
  const claims = message.justification.claims.map((claim, k) => {
    if (other === undefined) return k === 0 ? { ...claim, preparedView: message.view } : claim
    return claim.sender === other.sender || k === 0
      ? { ...claim, sender: claim.sender, signature: other.signature }
      : claim
  })
  return [{ to, message: rejustified(villain, message, { ...message.justification, claims }) }]
}

/** A fresh block, with a justification that says that nobody prepared anything. */
export function omitHighest(villain: Villain, to: To, message: Message): readonly Outgoing[] {
  if (message.type !== 'proposal' || message.justification?.prepared === undefined)
    return [{ to, message }]
  const { height, view, block, justification } = message
  const { sender } = villain
  const empty = { preparedView: -1, preparedHash: new Uint8Array(32) }
  const claims = justification.claims.map(claim => {
    // The own claim can be made anew; those of others can only be changed without their signatures.
    if (claim.sender !== sender) return { ...claim, ...empty }
    const own = {
      type: 'view-change',
      height,
      view,
      sender,
      ...empty,
      prepared: undefined
    } as const
    return { sender, ...empty, signature: villain.sign(own).signature }
  })
  const header = { ...block.header, time: block.header.time + 1, originView: view }
  const fresh = { ...message, block: { ...block, header: { ...header, originProposer: sender } } }
  return [{ to, message: rejustified(villain, fresh, { claims, prepared: undefined }) }]
}

/** Proposes the prepared block again with another time, origin or list. */
export function alterReproposal(villain: Villain, to: To, message: Message): readonly Outgoing[] {
  if (message.type !== 'proposal' || message.justification?.prepared === undefined)
    return [{ to, message }]
  const { header } = message.block
  const change = villain.random.pick<Partial<Header>>([
    { time: header.time + 1 },
    { originView: message.view, originProposer: villain.sender },
    { stateRoot: INVALID_STATE }
  ])
  return [{ to, message: withHeader(villain, message, change) }]
}

/** Blocks that nobody can accept, one thing wrong at a time. */
export function spoilBlock(villain: Villain, to: To, message: Message): readonly Outgoing[] {
  if (!isFresh(message)) return [{ to, message }]
  const { header } = message.block
  const change = villain.random.pick<Partial<Header>>([
    { stateRoot: INVALID_STATE },
    { previous: sha256(header.previous) },
    { time: 0 },
    { time: header.time + 3_600_000 },
    { height: header.height + 1 },
    { transactionCount: header.transactionCount + 1 },
    { originView: header.originView + 1 },
    { previousCertificateHash: sha256(header.previous) },
    { network: sha256(header.network) },
    { recoveryEpoch: header.recoveryEpoch + 1 }
  ])
  return [{ to, message: withHeader(villain, message, change) }]
}

/** One header with two lists: the signature covers the header only, so half get a list that it does not bind. */
export function withholdList(villain: Villain, to: To, message: Message): readonly Outgoing[] {
  if (message.type !== 'proposal') return [{ to, message }]
  const { block } = message
  const transactions = block.transactions.map((_, k) => sha256(u32be(1_000_000 + k)))
  const other = { ...message, block: { ...block, transactions } }
  return villain.others.map(each => ({
    to: [each],
    message: villain.random.chance(0.5) ? message : other
  }))
}

/** Proposes just before the others give up. */
export function proposeSlowly(villain: Villain, to: To, message: Message): readonly Outgoing[] {
  const { state } = villain
  if (message.type !== 'proposal' || state === undefined) return [{ to, message }]
  const delay = Math.round(baseTimeout(state.latency, state.timers) * 0.9)
  return [{ to, message, delay }]
}

/** The proposal reaches one less than a quorum. */
export function proposeToFew(villain: Villain, to: To, message: Message): readonly Outgoing[] {
  const quorum = villain.state?.round?.quorum ?? 0
  if (message.type !== 'proposal') return [{ to, message }]
  const first = villain.random.integer(villain.others.length)
  const rotated = [...villain.others.slice(first), ...villain.others.slice(0, first)]
  return [{ to: rotated.slice(0, Math.max(1, quorum - 2)), message }]
}

function isFresh(message: Message): message is ProposalMessage {
  return message.type === 'proposal' && message.justification?.prepared === undefined
}

function withHeader(
  villain: Villain,
  message: ProposalMessage,
  change: Partial<Header>
): ProposalMessage {
  const header = { ...message.block.header, ...change }
  const block: BlockProposal = { ...message.block, header }
  return signed(villain, { ...message, block })
}

function rejustified(
  villain: Villain,
  message: ProposalMessage,
  justification: Justification
): ProposalMessage {
  return signed(villain, { ...message, justification })
}

function signed(villain: Villain, message: ProposalMessage): ProposalMessage {
  return { ...message, signature: villain.sign(message).signature }
}
