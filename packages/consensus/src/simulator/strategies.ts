import type { StoredBlock } from './chain.ts'
import type { Message } from './replica.ts'
import {
  doubleSigner,
  forgeClaim,
  forgeDecided,
  hidePrepared,
  poisonChain,
  replayOldLock
} from './certificate-lies.ts'
import { flood, frame, lieAboutHeight, malform, signElsewhere, stormViews } from './noise.ts'
import {
  alterReproposal,
  equivocate,
  mixViews,
  omitHighest,
  proposeSlowly,
  proposeToFew,
  spoilBlock,
  withholdList
} from './proposal-lies.ts'
import type { Outgoing, Villain } from './villain.ts'
import { commitEarly, speakToFew, voteForEverything } from './vote-lies.ts'

/** One way of being faulty. All parts are optional; what is missing follows the protocol. */
export interface Behaviour {
  /** What it says in place of a message of the protocol; nothing for silence. */
  readonly send?: (
    villain: Villain,
    to: 'all' | readonly number[],
    message: Message
  ) => readonly Outgoing[]
  /** What it says on hearing an honest validator. */
  readonly hear?: (villain: Villain, message: Message) => readonly Outgoing[]
  /** What it says of its own accord, every now and then. */
  readonly tick?: (villain: Villain) => readonly Outgoing[]
  /** The chain that it gives to those who catch up. */
  readonly chain?: (villain: Villain, chain: readonly StoredBlock[]) => readonly StoredBlock[]
  /** Gives out no block. */
  readonly withholds?: true
  /** Leaves these transactions out of its blocks. */
  readonly drops?: (nonce: number) => boolean
  /** Two machines with one key that know nothing of each other. */
  readonly twins?: true
  /** Forgets what it signed in each crash, and goes on signing. */
  readonly forgets?: true
}

/** Every way of being faulty, by name. A faulty validator may have several. */
export type Strategy =
  | 'silent'
  | 'speaks-to-few'
  | 'equivocates'
  | 'twins'
  | 'votes-for-everything'
  | 'commits-early'
  | 'replays-old-lock'
  | 'hides-prepared'
  | 'forges-claim'
  | 'mixes-views'
  | 'omits-highest'
  | 'alters-reproposal'
  | 'spoils-blocks'
  | 'withholds-blocks'
  | 'floods'
  | 'storms-views'
  | 'slow-leader'
  | 'censors'
  | 'forges-decided'
  | 'other-network'
  | 'poisons-chain'
  | 'frames-others'
  | 'doubles-signer'
  | 'malforms'
  | 'proposes-to-few'
  | 'forgets'

/** What each strategy does. */
export const BEHAVIOURS: Readonly<Record<Strategy, Behaviour>> = {
  silent: { send: () => [], withholds: true },
  'speaks-to-few': { send: speakToFew },
  equivocates: { send: equivocate },
  twins: { twins: true },
  'votes-for-everything': { hear: voteForEverything },
  'commits-early': { hear: commitEarly },
  'replays-old-lock': { send: replayOldLock },
  'hides-prepared': { send: hidePrepared },
  'forges-claim': { send: forgeClaim },
  'mixes-views': { send: mixViews },
  'omits-highest': { send: omitHighest },
  'alters-reproposal': { send: alterReproposal },
  'spoils-blocks': { send: spoilBlock },
  'withholds-blocks': { send: withholdList, withholds: true },
  floods: { tick: flood },
  'storms-views': { tick: stormViews },
  'slow-leader': { send: proposeSlowly },
  censors: { drops: nonce => nonce % 3 === 0 },
  'forges-decided': { hear: forgeDecided },
  'other-network': { hear: signElsewhere },
  'poisons-chain': { chain: poisonChain, tick: lieAboutHeight },
  'frames-others': { hear: frame },
  'doubles-signer': { hear: doubleSigner },
  malforms: { hear: malform },
  'proposes-to-few': { send: proposeToFew },
  forgets: { forgets: true }
}

/** All strategies. */
export const STRATEGIES: readonly [Strategy, ...Strategy[]] = [
  'silent',
  'speaks-to-few',
  'equivocates',
  'twins',
  'votes-for-everything',
  'commits-early',
  'replays-old-lock',
  'hides-prepared',
  'forges-claim',
  'mixes-views',
  'omits-highest',
  'alters-reproposal',
  'spoils-blocks',
  'withholds-blocks',
  'floods',
  'storms-views',
  'slow-leader',
  'censors',
  'forges-decided',
  'other-network',
  'poisons-chain',
  'frames-others',
  'doubles-signer',
  'malforms',
  'proposes-to-few',
  'forgets'
]
