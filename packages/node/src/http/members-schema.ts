import { Type, type TSchema } from 'typebox'
import { hashSchema, hexSchema, oneOf, timeSchema, wholeSchema } from './schemas.ts'

const KEYS: Readonly<Record<string, TSchema>> = {
  operatorKey: Type.Object({
    algorithm: oneOf(['ed25519', 'es256']),
    key: hexSchema('The public key.')
  }),
  consensusKey: hashSchema('Signs votes.'),
  checkpointKey: hashSchema('Signs checkpoints.'),
  transportKey: hashSchema('Is its PeerId.')
}

const MEMBER: TSchema = Type.Object({
  id: hashSchema('Its identifier.'),
  name: Type.String(),
  ...KEYS,
  self: Type.Boolean({ description: "Whether it is this node's." }),
  linked: Type.Boolean({ description: 'Whether this node has a link with it now.' }),
  evidence: wholeSchema('Proofs of broken rules against it.'),
  overrides: wholeSchema('How often it voted again without its vote state.')
})

const FIGURES: TSchema = Type.Object({
  validators: wholeSchema('How many vote.'),
  quorum: wholeSchema('Votes that decide.'),
  faults: wholeSchema('How many may be faulty.')
})

/** What a change would do, without who is reached now. */
const EFFECT: Readonly<Record<string, TSchema>> = {
  before: FIGURES,
  after: FIGURES,
  refusals: Type.Array(
    Type.Object({ code: Type.String(), message: Type.String(), forcible: Type.Boolean() })
  ),
  warnings: Type.Array(Type.Object({ code: Type.String(), message: Type.String() }))
}

const CHANGE: TSchema = Type.Object({
  id: hashSchema('Its identifier.'),
  type: oneOf(['add', 'remove', 'replace']),
  member: hashSchema('Whom it is about.'),
  name: Type.String(),
  keys: Type.Optional(Type.Object(KEYS)),
  forced: Type.Boolean(),
  proposer: Type.String(),
  approvals: Type.Array(Type.String()),
  needed: wholeSchema('Approvals that decide.'),
  status: oneOf(['proposed', 'approved']),
  proposedHeight: wholeSchema('The block that it was proposed in.'),
  expires: timeSchema('When it is void'),
  preview: Type.Object(EFFECT, { description: 'What it would do if it took effect now.' })
})

/** A protocol version, and since when it holds. */
const ACTIVATION = {
  version: wholeSchema('The protocol version.'),
  height: wholeSchema('The first block that follows it.')
}

/** The schema of who the members are and what is to become of them. */
export const MEMBERS_SCHEMA: TSchema = Type.Object({
  network: hashSchema('The network id.'),
  height: wholeSchema('Of the newest block.'),
  validators: wholeSchema('How many vote.'),
  faults: wholeSchema('How many may be faulty.'),
  quorum: wholeSchema('Votes that decide.'),
  membership: oneOf([
    'member',
    'waiting',
    'approved',
    'replaced',
    'removed',
    'refused',
    'follower'
  ]),
  members: Type.Array(MEMBER),
  changes: Type.Array(CHANGE),
  protocol: Type.Object({
    version: wholeSchema('That of the newest block.'),
    next: Type.Optional(Type.Object(ACTIVATION)),
    votes: Type.Array(Type.Object({ member: Type.String(), ...ACTIVATION }))
  })
})

/** The schema of what a change would do. */
export const PREVIEW_SCHEMA: TSchema = Type.Object({
  ...EFFECT,
  reachable: Type.Array(Type.String()),
  away: Type.Array(Type.String())
})
