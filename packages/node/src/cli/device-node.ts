import { equalBytes, fromHex, memberId, toHex, VitalchainError } from '@vitalchain/core'
import { operatorCall } from '../dev/operator-call.ts'
import type { CliIo } from './io.ts'
import type { JsonReader } from './json-file.ts'
import { inTime, openNode, type NodeFlags, type OwnNode } from './own-node.ts'

/** Hexadecimal digits by which a device may be named at least. */
const PREFIX_MIN = 4
const PREFIX = new RegExp(`^[0-9a-f]{${PREFIX_MIN},64}$`)

/** The own node, for commands about devices. */
export interface DeviceNode extends Pick<OwnNode, 'api'> {
  /** The network id. */
  readonly network: Uint8Array
  /** Makes a call of the operator; resolves when it is committed. */
  call(method: string, args: Uint8Array): Promise<void>
  /** The devices of the own member. */
  devices(): Promise<readonly JsonReader[]>
  /** The own device whose identifier begins so. @throws VitalchainError `ERR_USAGE`, `ERR_DEVICE_UNKNOWN` */
  find(name: string): Promise<{ readonly id: Uint8Array; readonly json: JsonReader }>
  /** A member by its name or identifier. @throws VitalchainError `ERR_UNKNOWN_MEMBER` */
  member(name: string): Promise<Uint8Array>
}

/** Reaches the own node. @throws VitalchainError as `openNode`, `ERR_NOT_A_MEMBER` */
export async function openDeviceNode(flags: NodeFlags, io: CliIo): Promise<DeviceNode> {
  const { api, operator: load } = await openNode(flags, io)
  const operator = await load()
  const { members, network } = await api.members()
  const own = members.find(each => equalBytes(each.operatorKey, operator.publicKey.bytes))
  const author = own?.id ?? memberId(operator.publicKey)
  return {
    api,
    network,
    async call(method, args) {
      await inTime(flags, io, 'vitalchain device list', signal =>
        operatorCall(
          { api, network, operator, author },
          { method: `devices.${method}`, args: () => args },
          signal
        )
      )
    },
    devices: () => api.devices(),
    async find(name) {
      const prefix = name.toLowerCase()
      if (!PREFIX.test(prefix))
        throw new VitalchainError(
          'ERR_USAGE',
          `"${name}" is no device: give ${PREFIX_MIN} or more hexadecimal digits of its identifier`
        )
      const found = (await api.devices()).filter(each => each.field('id').text().startsWith(prefix))
      if (found.length > 1)
        throw new VitalchainError('ERR_USAGE', `"${name}" names several devices: give more of it`)
      const [json] = found
      if (json === undefined)
        throw new VitalchainError('ERR_DEVICE_UNKNOWN', `this hospital owns no device ${name}`)
      return { id: json.field('id').hex(32), json }
    },
    async member(name) {
      const prefix = name.toLowerCase()
      const byId = /^[0-9a-f]{12,64}$/.test(prefix)
        ? members.filter(({ id }) => toHex(id).startsWith(prefix))
        : []
      const member =
        members.find(each => each.name === name) ?? (byId.length === 1 ? byId[0] : undefined)
      if (member === undefined)
        throw new VitalchainError('ERR_UNKNOWN_MEMBER', `there is no member "${name}"`)
      return member.id
    }
  }
}

/** A public key as people give it: 64 hexadecimal digits are Ed25519, 66 a compressed point of P-256. */
export function parsePublicKey(hex: string): {
  readonly algorithm: 'ed25519' | 'es256'
  readonly bytes: Uint8Array
} {
  const bytes = /^([0-9a-fA-F]{2})+$/.test(hex) ? fromHex(hex) : new Uint8Array(0)
  if (bytes.length === 32) return { algorithm: 'ed25519', bytes }
  if (bytes.length === 33) return { algorithm: 'es256', bytes }
  throw new VitalchainError(
    'ERR_USAGE',
    'a public key is 64 hexadecimal digits (Ed25519) or 66 (P-256, compressed)'
  )
}
