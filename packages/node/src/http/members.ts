import { proposeCodec } from '@vitalchain/contracts'
import { decodeCbor } from '@vitalchain/core'
import type { FastifyInstance } from 'fastify'
import { acceptBytes, bodyBytes } from './bodies.ts'
import { CBOR } from './media-types.ts'
import { MEMBERS_SCHEMA, PREVIEW_SCHEMA } from './members-schema.ts'
import { membersReport, previewReport } from './members-report.ts'
import { json, operation } from './operation.ts'
import type { RouteComponents } from './routes.ts'
import { BYTES } from './schemas.ts'

/** Bytes of a proposed change: about 300 are used. */
const PREVIEW_BODY_BYTES_MAX = 2_048

/** Who is a member and what is to become of them. */
export function addMemberRoutes(app: FastifyInstance, { node }: RouteComponents): void {
  app.get(
    '/v1/members',
    operation({
      id: 'getMembers',
      tag: 'members',
      summary: 'The members, and the changes of them that are open',
      access: 'monitor',
      answers: {
        200: { description: "As this node's ledger has them.", content: json(MEMBERS_SCHEMA) }
      }
    }),
    () => membersReport(node)
  )
  acceptBytes(app, CBOR)
  app.post(
    '/v1/members/preview',
    {
      bodyLimit: PREVIEW_BODY_BYTES_MAX,
      ...operation({
        id: 'previewChange',
        tag: 'members',
        summary: 'What a change of the members would do; changes nothing',
        access: 'reader',
        cost: 5,
        body: { [CBOR]: BYTES },
        answers: {
          200: { description: 'What it would do.', content: json(PREVIEW_SCHEMA) }
        },
        errors: ['ERR_ENCODING', 'ERR_NOT_CANONICAL', 'ERR_SCHEMA', 'ERR_KEY_INVALID']
      })
    },
    request => {
      const body = decodeCbor(bodyBytes(request.body), PREVIEW_BODY_BYTES_MAX)
      return previewReport(node, proposeCodec.read(body, 'members.propose').change)
    }
  )
}
