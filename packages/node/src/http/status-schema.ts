import { Type, type TSchema } from 'typebox'
import { hashSchema, oneOf, timeSchema, wholeSchema } from './schemas.ts'

const NAMES: TSchema = Type.Array(Type.String())

/** What became of a restored node; see the backup's own description. */
const RESTORED: TSchema = Type.Object({
  state: oneOf(['following', 'whole', 'lost']),
  height: wholeSchema('The newest block of the backup.'),
  taken: timeSchema('When the backup was made'),
  restored: timeSchema('When it was restored'),
  resumedAt: Type.Optional(wholeSchema('The last block before the network went on by override.')),
  devicesAhead: wholeSchema('Devices known to have more than the ledger holds.')
})

/** The schema of a node's status. */
export const STATUS_SCHEMA: TSchema = Type.Object({
  network: hashSchema('The network id.'),
  name: Type.Optional(
    Type.String({ description: 'The own member; none for a node of no member.' })
  ),
  peer: Type.String({ description: 'The libp2p PeerId.' }),
  height: wholeSchema('Of the newest block.'),
  head: hashSchema('The hash of the newest block.'),
  stateRoot: hashSchema('The root of the state after it.'),
  transactions: wholeSchema('Committed since genesis.'),
  view: wholeSchema('The view of the next height.'),
  leader: Type.Optional(Type.String({ description: 'The member that leads this view.' })),
  links: NAMES,
  banned: NAMES,
  waiting: wholeSchema('Transactions that wait for a block.'),
  payloadsMissing: wholeSchema('Payloads still to be fetched; 64 stands for 64 or more.'),
  deviceSessions: wholeSchema('Devices connected by libp2p or WebSocket.'),
  votes: Type.Boolean({ description: 'Whether this node votes.' }),
  draining: Type.Boolean({ description: 'Whether it is about to stop and takes nothing more.' }),
  membership: oneOf([
    'member',
    'waiting',
    'approved',
    'replaced',
    'removed',
    'refused',
    'follower'
  ]),
  checkpoint: wholeSchema('Size of the newest cosigned checkpoint; 0: none.'),
  checkpointFault: Type.Optional(Type.String({ description: 'A code, when something is wrong.' })),
  restored: Type.Optional(RESTORED)
})
