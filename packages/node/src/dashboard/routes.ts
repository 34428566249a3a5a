import type { FastifyInstance } from 'fastify'
import { Type, type TSchema } from 'typebox'
import { json, operation } from '../http/operation.ts'
import { parseHash } from '../http/parameters.ts'
import type { RouteComponents } from '../http/routes.ts'
import { hashSchema, nullable, oneOf, timeSchema, wholeSchema } from '../http/schemas.ts'
import { pause } from '../loop.ts'
import { findDeviceSigns, SIGN_KINDS, type DeviceSignFinder } from './device-signs.ts'
import { FIGURE_MS, type Figures } from './figures.ts'

/** Devices with signs in one answer: about 2 kB each at most. */
const SIGNS_DEVICES_MAX = 1_000

/** How long an answer waits for the first look through the ledger, ms; a larger one goes on behind it. */
const SIGNS_WAIT_MS = 1_000

/** A number of ms, which clocks that differ make negative. */
function msSchema(description: string): TSchema {
  return Type.Number({ description: `${description}, ms` })
}

const FIGURES_SCHEMA: TSchema = Type.Object({
  now: timeSchema("This node's clock"),
  everyMs: wholeSchema('How long each figure stands for, ms'),
  figures: Type.Array(
    Type.Object({
      at: timeSchema('When it began'),
      blocks: wholeSchema('Blocks that became durable here.'),
      transactions: wholeSchema('Transactions in them.'),
      readings: wholeSchema('Readings in those.'),
      latency: nullable(
        Type.Object(
          { p50: msSchema('The middle'), p99: msSchema('What 99 of 100 do not exceed') },
          { description: 'From when this node first had a transaction until it was durable here.' }
        )
      )
    }),
    { description: 'Spans that are over and in which a block was committed, oldest first.' }
  )
})

const REPORTS_SCHEMA: TSchema = Type.Object({
  members: Type.Array(
    Type.Object({
      member: hashSchema('Its identifier.'),
      name: Type.String(),
      self: Type.Boolean({ description: 'Whether it is this node.' }),
      validator: Type.Boolean({ description: 'Whether it may vote at the next height.' }),
      linked: Type.Boolean({ description: 'Whether the link to it is up.' }),
      height: Type.Optional(wholeSchema('Of its newest block.')),
      view: Type.Optional(wholeSchema('The view of the height above.')),
      version: Type.Optional(wholeSchema('The highest protocol version that it knows.')),
      clockSkewMs: Type.Optional(msSchema("How far its clock is ahead of this node's")),
      roundTripMs: Type.Optional(msSchema('The last measured round trip')),
      heardMs: Type.Optional(msSchema('How long ago its last status came')),
      banned: Type.Boolean({ description: 'Whether it is kept out for a while.' })
    })
  )
})

const SIGNS_SCHEMA: TSchema = Type.Object({
  fromHeight: wholeSchema('The first height that was looked at.'),
  toHeight: wholeSchema('The last height that was looked at.'),
  upToDate: Type.Boolean({ description: 'Whether that is the newest.' }),
  devices: Type.Array(
    Type.Object({
      device: hashSchema('Its identifier.'),
      counts: Type.Object(
        Object.fromEntries(SIGN_KINDS.map(kind => [kind, wholeSchema(`How often: ${kind}.`)]))
      ),
      newest: Type.Array(
        Type.Object({
          kind: oneOf(SIGN_KINDS),
          transaction: hashSchema('Which transaction shows it.'),
          height: wholeSchema('Of its block.'),
          time: timeSchema('The time of its block'),
          size: Type.Number({
            description: 'Readings that a gap stands for, or by how many ms dates jumped.'
          })
        })
      )
    })
  )
})

/** What only the dashboard's charts, map and lists need beside the rest of the API. */
export function addDashboardData(
  app: FastifyInstance,
  {
    node,
    closing,
    figures,
    now
  }: RouteComponents & { readonly figures: Figures; readonly now: () => number }
): void {
  app.get<{ Querystring: { since?: number } }>(
    '/v1/figures',
    operation({
      id: 'getFigures',
      tag: 'node',
      summary: 'What this node committed in the last ten minutes, in spans of two seconds',
      access: 'monitor',
      query: { since: Type.Optional(timeSchema('Only spans that began then or later')) },
      answers: { 200: { description: 'The figures.', content: json(FIGURES_SCHEMA) } }
    }),
    ({ query: { since } }) => ({ now: now(), everyMs: FIGURE_MS, figures: figures.list(since) })
  )
  app.get(
    '/v1/members/reports',
    operation({
      id: 'getMemberReports',
      tag: 'members',
      summary: "How each member's node is, as this node knows",
      access: 'monitor',
      answers: {
        200: {
          description: "By each member's own word on its authenticated link, and by measuring.",
          content: json(REPORTS_SCHEMA)
        }
      }
    }),
    () => ({ members: node.members() })
  )

  let finder: DeviceSignFinder | undefined
  app.get<{ Querystring: { device?: string } }>(
    '/v1/devices/signs',
    operation({
      id: 'getDeviceSigns',
      tag: 'devices',
      summary: 'Devices that may have failed, lost something, or been tampered with',
      description:
        'Looks through the newest 100 000 transactions, beginning when this is first asked; `upToDate` says whether that is done.',
      access: 'reader',
      query: { device: Type.Optional(hashSchema('Only this device.')) },
      answers: { 200: { description: 'What was found.', content: json(SIGNS_SCHEMA) } },
      errors: ['ERR_HEX']
    }),
    async ({ query: { device } }) => {
      if (device !== undefined) parseHash(device)
      finder ??= findDeviceSigns(node.ledger, closing)
      await Promise.race([finder.caughtUp, pause(SIGNS_WAIT_MS, closing)])
      const { fromHeight, toHeight, upToDate } = finder
      const found = device === undefined ? undefined : finder.of(device)
      const devices = device === undefined ? finder.list(SIGNS_DEVICES_MAX) : []
      return { fromHeight, toHeight, upToDate, devices: found === undefined ? devices : [found] }
    }
  )
}
