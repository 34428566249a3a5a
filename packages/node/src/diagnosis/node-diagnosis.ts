import {
  evidenceAgainst,
  listChanges,
  listMembers,
  protocolSchedule,
  type Member
} from '@vitalchain/contracts'
import {
  equalBytes,
  errorCode,
  memberId,
  PROTOCOL_VERSION,
  quorum,
  toHex,
  VitalchainError,
  type ErrorValues,
  type ValidatorSet
} from '@vitalchain/core'
import type { Message, ReplicaEvent } from '@vitalchain/consensus'
import { restoredText, type RestoredStatus } from '../backup/restored-keeper.ts'
import type { ReplicaHost } from '../consensus/replica-host.ts'
import type { Ledger } from '../ledger/ledger.ts'
import { peerNameOf, type Network } from '../network/index.ts'
import type { NodeStatus } from '../types.ts'
import { observeAddresses } from './addresses.ts'
import { diagnose } from './diagnose.ts'
import { observeDisk, observeFiles } from './machine.ts'
import { reportMembers } from './member-reports.ts'
import { createMemberWatch } from './member-watch.ts'
import type {
  ChangeObservation,
  EvidenceObservation,
  FlooderObservation,
  MemberObservation,
  Observations,
  RestoredObservation,
  VotesWait
} from './observations.ts'
import { createNews } from './news.ts'
import { createOwnReach } from './own-reach.ts'
import { createProbeCache, RECENT_MS } from './probe-cache.ts'
import type { Probe } from './probe.ts'
import type { Diagnosis, MemberReport } from './types.ts'

/** How often a node looks whether there is something new to say in its log, ms. */
const LOOK_INTERVAL_MS = 15_000

/** Addresses of one member that are tried when it is missed. */
const ADDRESSES_PER_MEMBER = 4

/** What a node's own diagnosis needs. */
export interface NodeDiagnosisInit {
  readonly ledger: Ledger
  readonly network: Network
  readonly host: Pick<ReplicaHost, 'leaderOf' | 'self' | 'key'>
  readonly status: () => NodeStatus
  readonly transportKey: Uint8Array
  /** Whether its consensus key is in another process. */
  readonly hasSigner: boolean
  readonly dataDir: string | undefined
  readonly bootstrap: readonly string[]
  readonly announce: readonly string[]
  readonly deny: ((peer: string) => boolean) | undefined
  readonly flooders: () => readonly FlooderObservation[]
  /** The clock, ms since 1970. */
  readonly now: () => number
  readonly log: (event: string, values: ErrorValues) => void
}

/** Watches a running node and its members, and says what is wrong. */
export interface NodeDiagnosis {
  start(): void
  stop(): void
  onHeard(member: Uint8Array, message: Message): void
  onEvent(event: ReplicaEvent, validators: ValidatorSet): void
  /** A transaction waits. */
  admitted(): void
  /** A block is durable. */
  committed(): void
  members(): readonly MemberReport[]
  diagnose(): Promise<Diagnosis>
}

/** Makes the {@link NodeDiagnosis} of a node, before its network starts. */
export function createNodeDiagnosis(init: NodeDiagnosisInit): NodeDiagnosis {
  const { ledger, network, host, now, log } = init
  const watch = createMemberWatch({ now, leader: view => host.leaderOf(view) })
  const probes = createProbeCache()
  const stopping = new AbortController()
  const reach = createOwnReach({ ledger, network, signal: stopping.signal })
  const startedAt = performance.now()
  /** Since when something waits and nothing was committed. */
  let waitingSince: number | undefined
  let timer: NodeJS.Timeout | undefined
  let under: Promise<Diagnosis> | undefined

  network.onLinkUp(member => watch.linkUp(member))
  network.onLinkDown(member => watch.linkDown(member))

  const reports = (): ReturnType<typeof reportMembers> => reportMembers({ ...init, watch })

  function evidenceOf(member: Member): EvidenceObservation | undefined {
    const { count, newest } = evidenceAgainst(ledger.state, member.id)
    const last = newest.at(-1)
    if (last === undefined) return undefined
    const recordedAt = ledger.header(last.recordedHeight)?.time ?? 0
    return { count, kind: last.kind, height: last.height, recordedAt }
  }

  /** What is known of the members, and what answers at the addresses of who is missed. */
  async function observeMembers(): Promise<readonly MemberObservation[]> {
    const links = new Map(network.links().map(link => [toHex(link.member), link]))
    const all = reports()
    const missed = all.filter(([, { self, linked, banned }]) => !self && !linked && !banned)
    const addresses = new Map<string, readonly string[]>()
    for (const [{ id, transportKey: key }, { member }] of missed) {
      const denied = init.deny?.(peerNameOf(key)) ?? false
      const known = denied ? [] : await network.addressesOf(id)
      addresses.set(member, known.slice(0, ADDRESSES_PER_MEMBER))
    }
    const found = await probes.look([...addresses.values()].flat(), RECENT_MS, stopping.signal)
    return all.map(([member, report]) => {
      const peer = peerNameOf(member.transportKey)
      const link = links.get(report.member)
      const { wasLinked, downMs } = watch.link(member.id)
      return {
        report,
        peer,
        wasLinked,
        downMs: report.linked ? undefined : downMs,
        denied: init.deny?.(peer) ?? false,
        failure: link?.failure,
        offences: link?.offences ?? {},
        evidence: evidenceOf(member),
        conduct: watch.conduct(member.id),
        probes: pick(found, addresses.get(report.member) ?? [])
      }
    })
  }

  function votesWait(): VotesWait | undefined {
    const wait = watch.votesWait
    if (wait?.why !== 'answers') return wait
    const names = new Map(listMembers(ledger.state).map(({ id, name }) => [toHex(id), name]))
    const named = (ids: readonly string[]): readonly string[] =>
      ids.map(id => names.get(id) ?? id.slice(0, 16))
    return { ...wait, answered: named(wait.answered), silent: named(wait.silent) }
  }

  async function observe(): Promise<Observations> {
    const [disk, files, members, addresses, dialled] = await Promise.all([
      init.dataDir === undefined ? undefined : observeDisk(init.dataDir),
      observeFiles(),
      observeMembers(),
      observeAddresses({ ...init, probes, signal: stopping.signal }),
      reach.observe()
    ])
    const status = init.status()
    const validators = ledger.validators().length
    return {
      at: now(),
      network: status.network,
      name: status.name,
      disk,
      files,
      faults: [],
      addresses,
      node: {
        upMs: performance.now() - startedAt,
        membership: status.membership,
        height: status.height,
        view: status.view,
        votes: status.votes,
        votesWait: status.votes ? undefined : votesWait(),
        signerMissing: init.hasSigner && host.key === undefined,
        validators,
        needed: quorum(validators),
        waiting: status.waiting,
        stalledMs: waitingSince === undefined ? undefined : performance.now() - waitingSince,
        version: PROTOCOL_VERSION,
        nextProtocol: protocolSchedule(ledger.state, status.height).next,
        clockPrecisionMs: ledger.genesis.parameters.clockPrecisionMs,
        payloadsMissing: status.payloadsMissing,
        checkpointFault: status.checkpointFault,
        changes: listChanges(ledger.state).map(change => changeOf(change, ledger)),
        peers: network.peers().length,
        dialledBack: dialled,
        flooders: init.flooders(),
        restored: restoredOf(status.restored),
        members
      }
    }
  }

  async function make(): Promise<Diagnosis> {
    try {
      return diagnose(await observe())
    } catch (cause) {
      if (!stopping.signal.aborted) throw cause
      throw new VitalchainError('ERR_NOT_STARTED', 'the node is about to stop', {
        cause,
        retryable: true
      })
    } finally {
      under = undefined
    }
  }

  const news = createNews(() => diagnosis.diagnose(), log)
  const diagnosis: NodeDiagnosis = {
    start() {
      timer = setInterval(() => {
        news.look().catch((error: unknown) => {
          if (!stopping.signal.aborted) log('diagnosis failed', { code: errorCode(error) })
        })
      }, LOOK_INTERVAL_MS)
    },
    stop() {
      clearInterval(timer)
      stopping.abort()
    },
    onHeard: (member, message) => watch.heard(member, message),
    onEvent: (event, validators) => watch.event(event, validators),
    admitted() {
      waitingSince ??= performance.now()
    },
    committed() {
      watch.keep(listMembers(ledger.state).map(({ id }) => id))
      waitingSince = init.status().waiting > 0 ? performance.now() : undefined
    },
    members: () => reports().map(([, report]) => report),
    // Who asks while it is being made gets the same.
    diagnose: () => (under ??= make())
  }
  return diagnosis
}

function pick(found: ReadonlyMap<string, Probe>, addresses: readonly string[]): readonly Probe[] {
  return addresses.flatMap(address => found.get(address) ?? [])
}

function restoredOf(status: RestoredStatus | undefined): RestoredObservation | undefined {
  if (status === undefined) return undefined
  return { severity: status.state === 'lost' ? 'warning' : 'note', ...restoredText(status) }
}

function changeOf(
  { change, approvals, needed, status }: ReturnType<typeof listChanges>[number],
  ledger: Ledger
): ChangeObservation {
  const id = change.type === 'add' ? memberId(change.member.operatorKey) : change.member
  const known = listMembers(ledger.state).find(member => equalBytes(member.id, id))
  return {
    type: change.type,
    subject: change.type === 'add' ? change.member.name : (known?.name ?? toHex(id).slice(0, 16)),
    approvals: approvals.length,
    needed,
    approved: status === 'approved'
  }
}
