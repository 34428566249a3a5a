import { setTimeout as pause } from 'node:timers/promises'
import {
  ed25519PublicKey,
  faultTolerance,
  generateSecretKey,
  memberId,
  quorum,
  type GenesisMember
} from '@vitalchain/core'
import {
  approveChange,
  proposeChange,
  readyForChange,
  type MemberOperator
} from '../../packages/node/src/dev/member-calls.ts'
import type { Random } from '../../packages/node/src/dev/random.ts'
import { transportPublicKey } from '../../packages/node/src/network/identity.ts'
import {
  operatorSigner,
  type MemberSecrets
} from '../../packages/node/src/testing/found-network.ts'
import type { Cluster, Node } from './cluster.ts'

/** How long one change of the members may take, from its proposal to its effect on every node, ms. */
const CHANGE_MS = 60_000

/** Longest time between a newcomer's approval and its death, ms: it is fetching blocks then. */
const SYNCING_MS_MAX = 400

const POLL_MS = 100

/** Changes who validates while everything goes on, and kills whom each change is about. */
export interface MemberChanges {
  /** A newcomer is approved, killed while it fetches the history, ready, and killed again. */
  join(): Promise<Node>
  /** A node is voted out and killed while that happens. */
  leave(node: Node): Promise<void>
}

export function createMemberChanges(
  cluster: Cluster,
  members: () => readonly Node[],
  random: Random,
  say: (line: string) => void
): MemberChanges {
  /** Kills a node now and starts it again at once. */
  const crash = async (node: Node, when: string): Promise<void> => {
    say(`kill ${node.name}, ${when}`)
    await node.kill()
    await node.up()
  }
  return {
    async join() {
      const signal = AbortSignal.timeout(CHANGE_MS)
      const before = members()
      const secrets = createSecrets(`Hospital ${cluster.nodes.length + 1}`)
      const node = await cluster.add(secrets)
      const [first, ...others] = before
      if (first === undefined) throw new Error('there is no member to propose a newcomer')
      // Once before it is approved: it waits.
      await node.up()
      say(`${node.name} is proposed: ${before.length} members, quorum ${quorum(before.length)}`)
      const change = await proposeChange(
        operatorOf(first),
        { type: 'add', member: publicMember(secrets) },
        { signal }
      )
      await approve(change, others.slice(0, quorum(before.length) - 1), signal)
      await pause(random.between(0, SYNCING_MS_MAX))
      await crash(node, 'approved and fetching the history')
      const keys = {
        consensus: secrets.consensus,
        checkpoint: secrets.checkpoint,
        consensusPublicKey: ed25519PublicKey(secrets.consensus)
      }
      await readyForChange(operatorOf(node), keys, signal)
      await crash(node, 'just after READY')
      await untilMembers(before.length + 1, [...before, node], signal)
      say(`${node.name} votes: ${before.length + 1} members`)
      return node
    },
    async leave(node) {
      const signal = AbortSignal.timeout(CHANGE_MS)
      const before = members()
      const others = before.filter(each => each !== node)
      const [first, ...rest] = others
      if (first === undefined) throw new Error('nobody is left to remove the last member')
      say(`${node.name} is to leave: ${before.length} members, quorum ${quorum(before.length)}`)
      const member = memberId(operatorSigner(node.secrets).publicKey)
      const change = await proposeChange(operatorOf(first), { type: 'remove', member }, { signal })
      const needed = quorum(before.length) - 1
      await approve(change, rest.slice(0, needed - 1), signal)
      // Down while the last approval comes: it must learn from the others that it left.
      say(`kill ${node.name}, which is leaving`)
      await node.kill()
      await approve(change, rest.slice(needed - 1, needed), signal)
      await node.up()
      await untilMembers(before.length - 1, others, signal)
      say(
        `${node.name} left: ${others.length} members, ${faultTolerance(others.length)} may be faulty`
      )
    }
  }
}

async function approve(
  change: Uint8Array,
  by: readonly Node[],
  signal: AbortSignal
): Promise<void> {
  for (const node of by) await approveChange(operatorOf(node), change, signal)
}

function operatorOf({ api, secrets }: Node): MemberOperator {
  return { api, operator: operatorSigner(secrets) }
}

/** Waits until these nodes have so many members, and each of these votes. */
async function untilMembers(
  count: number,
  voters: readonly Node[],
  signal: AbortSignal
): Promise<void> {
  for (const { api } of voters) {
    while (true) {
      const answer = await api.members().catch(() => undefined)
      const status = await api.status().catch(() => undefined)
      if (answer?.members.length === count && status?.votes === true) break
      await pause(POLL_MS, undefined, { signal })
    }
  }
}

function createSecrets(name: string): MemberSecrets {
  return {
    name,
    operator: generateSecretKey('ed25519'),
    consensus: generateSecretKey('ed25519'),
    checkpoint: generateSecretKey('ed25519'),
    transport: generateSecretKey('ed25519')
  }
}

function publicMember(secrets: MemberSecrets): GenesisMember {
  return {
    name: secrets.name,
    operatorKey: operatorSigner(secrets).publicKey,
    consensusKey: ed25519PublicKey(secrets.consensus),
    checkpointKey: ed25519PublicKey(secrets.checkpoint),
    transportKey: transportPublicKey(secrets.transport)
  }
}
