import {
  getDevice,
  getLane,
  getMember,
  laneKey,
  listDevices,
  listMembers,
  type OwnedDevice
} from '@vitalchain/contracts'
import { toHex } from '@vitalchain/core'
import type { FastifyInstance } from 'fastify'
import { Type, type TSchema } from 'typebox'
import type { LedgerNode } from '../types.ts'
import { json, operation } from './operation.ts'
import { notFound, optionalNumber, optionalText, parseHash } from './parameters.ts'
import type { RouteComponents } from './routes.ts'
import { hashSchema, hexSchema, nullable, oneOf, timeSchema, wholeSchema } from './schemas.ts'

/** Devices in one answer: about 1 kB each, and the state's proof of each is checked. */
export const DEVICES_PAGE_MAX: number = 250

/** The newest statement of a lane. */
interface LastJson {
  readonly height: number
  /** Block time, ms since 1970: when it was recorded. */
  readonly time: number
  /** The last reading by the device's clock, ms since 1970; null for a statement without readings. */
  readonly to: number | null
  /** Network time minus device time and how wrong that may be, ms; null when the device was never told. */
  readonly clock: { readonly offset: number; readonly uncertainty: number } | null
}

/** A lane of a device as `GET /v1/devices` tells it. */
interface LaneJson {
  readonly lane: 0 | 1
  readonly boot: number
  readonly seq: number
  readonly key: string
  readonly quarantinedHeight: number | null
  /** The statement that the lane ends with; null when this node cannot tell. */
  readonly last: LastJson | null
  /** Which stream its readings belong to; null for none, and without this field any goes. */
  readonly stream?: string | null
}

/** A device as `GET /v1/devices` tells it. Bytes are hexadecimal. */
interface DeviceJson {
  readonly id: string
  readonly model: string
  readonly firmware: string | null
  readonly metrics: readonly string[]
  readonly key: { readonly algorithm: string; readonly key: string }
  readonly claim: string | null
  readonly registeredHeight: number
  readonly revokedHeight: number | null
  readonly retired: { readonly height: number; readonly boot: number } | null
  readonly offer: { readonly to: string; readonly boot: number } | null
  readonly ownerFromBoot: number
  readonly lanes: readonly LaneJson[]
}

const LANE_SCHEMA: TSchema = Type.Object({
  lane: Type.Integer({ minimum: 0, maximum: 1 }),
  boot: wholeSchema('Of the newest place.', 0xffff_ffff),
  seq: wholeSchema('Of the newest place.'),
  key: hexSchema('The key that signs next.'),
  quarantinedHeight: nullable(wholeSchema('Where it contradicted itself.')),
  last: nullable(
    Type.Object(
      {
        height: wholeSchema('Of its block.'),
        time: timeSchema('Of its block'),
        to: nullable(Type.Number({ description: "Its last reading by the device's clock, ms." })),
        clock: nullable(
          Type.Object({
            offset: Type.Number({ description: 'Network time minus device time, ms.' }),
            uncertainty: Type.Number({ description: 'How wrong that may be, ms.' })
          })
        )
      },
      { description: 'The statement that the lane ends with.' }
    )
  ),
  stream: Type.Optional(nullable(hashSchema('Which stream its readings belong to.')))
})

const DEVICE: Readonly<Record<string, TSchema>> = {
  id: hashSchema('Its identifier.'),
  model: Type.String(),
  firmware: nullable(hexSchema('SHA-256 of its firmware.')),
  metrics: Type.Array(Type.String()),
  key: Type.Object({ algorithm: oneOf(['ed25519', 'es256']), key: hexSchema('The public key.') }),
  claim: nullable(hashSchema('The claim that it was enrolled with.')),
  registeredHeight: wholeSchema('The block of its registration.'),
  revokedHeight: nullable(wholeSchema('The block of its revocation.')),
  retired: nullable(
    Type.Object({ height: wholeSchema('The block.'), boot: wholeSchema('The last boot.') })
  ),
  offer: nullable(
    Type.Object({ to: hashSchema('The member.'), boot: wholeSchema('From which boot.') })
  ),
  ownerFromBoot: wholeSchema('The first boot of the owner.'),
  lanes: Type.Array(LANE_SCHEMA)
}

/** Which devices a member owns, by default this node's own. */
export function addDeviceListRoute(app: FastifyInstance, { node }: RouteComponents): void {
  app.get<{ Querystring: Record<string, unknown> }>(
    '/v1/devices',
    operation({
      id: 'listDevices',
      tag: 'devices',
      summary: "A member's devices in pages; by default the own member's",
      access: 'reader',
      query: {
        from: Type.Optional(wholeSchema('the `next` of the page before')),
        member: Type.Optional(hashSchema('Whose.'))
      },
      answers: {
        200: {
          description: `At most ${DEVICES_PAGE_MAX}.`,
          content: json(
            Type.Object({
              devices: Type.Array(Type.Object(DEVICE)),
              next: nullable(wholeSchema('The `from` of the next page.'))
            })
          )
        }
      },
      errors: ['ERR_HEX', 'ERR_SCHEMA']
    }),
    request => {
      const named = optionalText(request.query, 'member')
      const member = named === undefined ? ownMember(node) : parseHash(named)
      const devices: DeviceJson[] = []
      if (member === undefined) return { devices, next: null }
      for (const owned of listDevices(
        node.state,
        member,
        optionalNumber(request.query, 'from') ?? 0
      )) {
        if (devices.length === DEVICES_PAGE_MAX) return { devices, next: owned.at }
        devices.push(toJson(node, owned))
      }
      return { devices, next: null }
    }
  )

  app.get<{ Params: { id: string } }>(
    '/v1/devices/:id',
    operation({
      id: 'getDevice',
      tag: 'devices',
      summary: 'A device, with the member that answers for it',
      access: 'reader',
      params: { id: hashSchema('Its identifier.') },
      answers: {
        200: {
          description: 'As the newest block has it.',
          content: json(
            Type.Object({
              ...DEVICE,
              owner: hashSchema('The member that answers for it.'),
              ownerName: nullable(
                Type.String({ description: 'Null for one that is no member any more.' })
              )
            })
          )
        }
      },
      errors: ['ERR_HEX', 'ERR_NOT_FOUND']
    }),
    ({ params }) => {
      const id = parseHash(params.id)
      const device = getDevice(node.state, id)
      if (device === undefined) throw notFound('no such device is registered')
      const owner = toHex(device.owner)
      const ownerName = getMember(node.state, device.owner)?.name ?? null
      return { ...toJson(node, { id, device }), owner, ownerName }
    }
  )
}

function ownMember(node: LedgerNode): Uint8Array | undefined {
  const own = toHex(node.transportKey)
  return listMembers(node.state).find(({ transportKey }) => toHex(transportKey) === own)?.id
}

function toJson(node: LedgerNode, { id, device }: Pick<OwnedDevice, 'id' | 'device'>): DeviceJson {
  const { publicKey, firmware, claim, offer } = device
  return {
    id: toHex(id),
    model: device.model,
    firmware: firmware === undefined ? null : toHex(firmware),
    metrics: device.metrics,
    key: { algorithm: publicKey.algorithm, key: toHex(publicKey.bytes) },
    claim: claim === undefined ? null : toHex(claim),
    registeredHeight: device.registeredHeight,
    revokedHeight: device.revokedHeight ?? null,
    retired: device.retired ?? null,
    offer: offer === undefined ? null : { to: toHex(offer.to), boot: offer.boot },
    ownerFromBoot: device.ownerFromBoot,
    lanes: ([0, 1] as const).flatMap(lane => {
      const record = getLane(node.state, id, lane)
      if (record === undefined) return []
      const { boot, seq, quarantinedHeight, binding } = record
      const stream = binding?.stream
      return {
        lane,
        boot,
        seq,
        key: toHex(laneKey(device, record).bytes),
        quarantinedHeight: quarantinedHeight ?? null,
        last: lastJson(node, record.head),
        ...(binding === undefined ? {} : { stream: stream === undefined ? null : toHex(stream) })
      }
    })
  }
}

/** What is told of the statement that a lane ends with, whose identity is the lane's head; a gap hides it behind what it dropped. */
function lastJson({ ledger }: LedgerNode, head: Uint8Array): LastJson | null {
  const leaf = ledger.findTransaction(head) ?? ledger.findGap(head)
  if (leaf === undefined) return null
  const transaction = ledger.decodedTransaction(leaf)
  const header = ledger.header(ledger.heightOf(leaf))
  if (transaction?.type !== 'statement' || header === undefined) return null
  const { height, time } = header
  const { statement } = transaction
  if (statement.type !== 'readings') return { height, time, to: null, clock: null }
  const { to, clock } = statement
  return {
    height,
    time,
    to,
    clock: clock === undefined ? null : { offset: clock.offset, uncertainty: clock.uncertainty }
  }
}
