import { blockHash, sha256, type Certificate } from '@vitalchain/core'
import { INVALID_STATE, type StoredBlock } from './chain.ts'
import type { Message } from './replica.ts'
import type { Outgoing, Villain } from './villain.ts'

type To = 'all' | readonly number[]

const NO_CLAIM = { preparedView: -1, preparedHash: new Uint8Array(32), prepared: undefined }

/** View changes that claim nothing, whatever was prepared. */
export function hidePrepared(villain: Villain, to: To, message: Message): readonly Outgoing[] {
  if (message.type !== 'view-change') return [{ to, message }]
  return [{ to, message: villain.sign({ ...message, ...NO_CLAIM }) }]
}

/** View changes that claim the oldest prepared certificate that was ever seen at the height. */
export function replayOldLock(villain: Villain, to: To, message: Message): readonly Outgoing[] {
  if (message.type !== 'view-change') return [{ to, message }]
  const key = `lock ${message.height}`
  const known = villain.memory.get(key)
  const seen = [...(villain.state?.round?.viewChanges.values() ?? []), message].find(
    each => each.prepared !== undefined
  )
  const oldest = known?.type === 'view-change' ? known : seen
  if (oldest === undefined || oldest.preparedView >= message.view) return [{ to, message }]
  villain.memory.set(key, oldest)
  const { preparedView, preparedHash, prepared } = oldest
  return [{ to, message: villain.sign({ ...message, preparedView, preparedHash, prepared }) }]
}

/** View changes that claim a certificate which proves nothing. */
export function forgeClaim(villain: Villain, to: To, message: Message): readonly Outgoing[] {
  if (message.type !== 'view-change') return [{ to, message }]
  const proposal = [...(villain.state?.round?.proposals.values() ?? [])][0]
  const preparedHash = proposal?.blockHash ?? sha256(message.signature)
  const preparedView = message.view - 1
  const { height } = message
  const genuine = message.prepared
  const signature = message.signature
  const signers = villain.others
    .concat(villain.sender)
    .toSorted((a, b) => a - b)
    .slice(0, villain.state?.round?.quorum)
  const forged: Certificate = {
    phase: 'prepare',
    height,
    view: preparedView,
    blockHash: preparedHash,
    signers,
    signatures: signers.map(() => signature)
  }
  const prepared = villain.random.pick<Certificate | undefined>([
    forged,
    undefined,
    shortened(genuine ?? forged),
    { ...(genuine ?? forged), view: preparedView },
    { ...(genuine ?? forged), phase: 'commit' },
    { ...(genuine ?? forged), blockHash: preparedHash },
    villain.context.parentCertificate ?? forged
  ])
  return [{ to, message: villain.sign({ ...message, preparedView, preparedHash, prepared }) }]
}

/** DECIDED with a certificate that is none: too few signers, forged ones, that of PREPAREs, of another block. */
export function forgeDecided(villain: Villain, message: Message): readonly Outgoing[] {
  const votes = message.type === 'prepare' || message.type === 'commit'
  const round = villain.state?.round
  if (!votes || round === undefined) return []
  const { height, view, signature } = message
  const held = [...(round.prepares.get(view)?.values() ?? [])].toSorted(
    (a, b) => a.sender - b.sender
  )
  const genuine: Certificate = {
    phase: 'commit',
    height,
    view,
    blockHash: message.blockHash,
    signers: held.slice(0, round.quorum).map(each => each.sender),
    signatures: held.slice(0, round.quorum).map(each => each.signature)
  }
  const signers = [...villain.others, villain.sender]
    .toSorted((a, b) => a - b)
    .slice(0, round.quorum)
  const certificate = villain.random.pick<Certificate>([
    genuine,
    { ...genuine, phase: 'prepare' },
    { ...genuine, signers, signatures: signers.map(() => signature) },
    { ...genuine, signers: [message.sender], signatures: [signature] },
    { ...genuine, height: height + 3, signers, signatures: signers.map(() => signature) }
  ])
  return certificate.signers.length === 0
    ? []
    : [{ to: 'all', message: { type: 'decided', certificate } }]
}

/** DECIDED in which one validator's signature stands more than once. */
export function doubleSigner(villain: Villain, message: Message): readonly Outgoing[] {
  const quorum = villain.state?.round?.quorum
  if (message.type !== 'commit' || quorum === undefined) return []
  const { height, view, blockHash, sender, signature } = message
  const signers = Array.from({ length: quorum }, () => sender)
  const certificate: Certificate = {
    phase: 'commit',
    height,
    view,
    blockHash,
    signers,
    signatures: signers.map(() => signature)
  }
  return [{ to: 'all', message: { type: 'decided', certificate } }]
}

/** Blocks for those who catch up: with another state, or with a certificate that certifies something else. */
export function poisonChain(
  villain: Villain,
  chain: readonly StoredBlock[]
): readonly StoredBlock[] {
  return chain.map(stored => {
    if (!villain.random.chance(0.3)) return stored
    const header = { ...stored.block.header, stateRoot: INVALID_STATE }
    const hash = blockHash(header)
    const block = { ...stored.block, header }
    return villain.random.pick<StoredBlock>([
      { ...stored, block },
      {
        ...stored,
        block,
        blockHash: hash,
        certificate: { ...stored.certificate, blockHash: hash }
      },
      { ...stored, certificate: shortened(stored.certificate) }
    ])
  })
}

function shortened(certificate: Certificate): Certificate {
  const { signers, signatures } = certificate
  return { ...certificate, signers: signers.slice(1), signatures: signatures.slice(1) }
}
