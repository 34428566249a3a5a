import type { FastifyInstance } from 'fastify'
import { Type, type TSchema } from 'typebox'
import { json, operation } from '../http/operation.ts'
import { hashSchema, oneOf, timeSchema, wholeSchema } from '../http/schemas.ts'
import type { LedgerNode } from '../types.ts'

/** What is wrong with the node and its network, for whoever looks after it. */
export function addDiagnosisRoute(
  app: FastifyInstance,
  { node }: { readonly node: LedgerNode }
): void {
  app.get(
    '/v1/diagnosis',
    operation({
      id: 'getDiagnosis',
      tag: 'node',
      summary: 'What is wrong with the node and its network, and what to do',
      description:
        'Why is it not committing? The worst finding comes first, and each says the next safe act. Takes some seconds while a member is missing: its addresses are tried.',
      access: 'monitor',
      answers: { 200: { description: 'What was found.', content: json(DIAGNOSIS_SCHEMA) } }
    }),
    () => node.diagnose()
  )
}

const FINDING: TSchema = Type.Object({
  code: Type.String({
    pattern: '^[A-Z][A-Z0-9_]*$',
    description: 'A stable name; `docs/guides/troubleshooting.md` lists them.'
  }),
  severity: oneOf(['critical', 'warning', 'note'], 'A note alone is no reason to act.'),
  subject: Type.Optional(
    Type.String({ description: 'What it is about: a member, an address or a path.' })
  ),
  text: Type.String({ description: 'What is wrong, for people.' }),
  act: Type.String({ description: 'The next act, which makes nothing worse.' })
})

/** What is known of a member, by its own word and by measuring. */
export const MEMBER_REPORT_SCHEMA: TSchema = Type.Object({
  member: hashSchema('Its id.'),
  name: Type.String(),
  self: Type.Boolean({ description: 'Whether it is this node.' }),
  validator: Type.Boolean({ description: 'Whether it may vote.' }),
  linked: Type.Boolean(),
  height: Type.Optional(wholeSchema('Of its newest block.')),
  view: Type.Optional(wholeSchema('Its view of the height above.')),
  version: Type.Optional(wholeSchema('The highest protocol version that it knows.')),
  clockSkewMs: Type.Optional(
    Type.Integer({ description: "How far its clock is ahead of this node's, ms." })
  ),
  roundTripMs: Type.Optional(Type.Number({ minimum: 0, description: 'Last measured, ms.' })),
  heardMs: Type.Optional(wholeSchema('How long ago it was heard last, ms.')),
  banned: Type.Boolean({ description: 'Whether it is kept out for a while.' })
})

const DIAGNOSIS_SCHEMA: TSchema = Type.Object({
  at: timeSchema('When it was made'),
  healthy: Type.Boolean({ description: 'Whether nobody has to act.' }),
  summary: Type.String({ description: 'The most important thing in one sentence.' }),
  findings: Type.Array(FINDING),
  members: Type.Array(MEMBER_REPORT_SCHEMA),
  quorum: Type.Object({
    validators: wholeSchema('How many there are.'),
    needed: wholeSchema('How many must vote for a block.'),
    reachable: wholeSchema('How many this node can count on, itself included.')
  })
})
