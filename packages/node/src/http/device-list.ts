import { getLane, laneKey, listDevices, listMembers, type OwnedDevice } from '@vitalchain/contracts'
import { toHex } from '@vitalchain/core'
import type { FastifyInstance } from 'fastify'
import type { LedgerNode } from '../types.ts'
import { optionalNumber, optionalText, parseHash } from './parameters.ts'
import type { RouteComponents } from './routes.ts'

/** Devices in one answer: about 1 kB each, and the state's proof of each is checked. */
export const DEVICES_PAGE_MAX: number = 250

/** A lane of a device as `GET /v1/devices` tells it. */
interface LaneJson {
  readonly lane: 0 | 1
  readonly boot: number
  readonly seq: number
  readonly key: string
  readonly quarantinedHeight: number | null
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

/** Which devices a member owns, by default this node's own, for the operator. */
export function addDeviceListRoute(app: FastifyInstance, { node, access }: RouteComponents): void {
  app.get<{ Querystring: Record<string, unknown> }>('/v1/devices', request => {
    access.requireOperator(request.headers.authorization)
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
  })
}

function ownMember(node: LedgerNode): Uint8Array | undefined {
  const own = toHex(node.transportKey)
  return listMembers(node.state).find(({ transportKey }) => toHex(transportKey) === own)?.id
}

function toJson(node: LedgerNode, { id, device }: OwnedDevice): DeviceJson {
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
        ...(binding === undefined ? {} : { stream: stream === undefined ? null : toHex(stream) })
      }
    })
  }
}
