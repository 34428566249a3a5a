import { equalBytes, hash32, optional, tuple, u32, type Codec } from '@vitalchain/core'
import { encodeArgs, method, type Method, type StateReader } from './contract.ts'
import {
  appendOwned,
  deviceRecords,
  getLane,
  knownDevice,
  ownDevice,
  refused,
  requireInForce,
  requireMember
} from './device-records.ts'

/** The arguments of `devices.offer`. */
export interface OfferDevice {
  readonly device: Uint8Array
  /** The member that may have it; undefined withdraws an offer. */
  readonly to: Uint8Array | undefined
  /** The first boot that is to be the new owner's; 0: the next one. */
  readonly boot: number
}

/** The arguments of `devices.accept`. */
export interface AcceptDevice {
  readonly device: Uint8Array
}

/** The arguments of `devices.retire`. */
export interface RetireDevice {
  readonly device: Uint8Array
  /** The first boot of which nothing is taken any more. */
  readonly boot: number
}

/** How the arguments of `devices.offer` are written. */
export const offerDeviceCodec: Codec<OfferDevice> = tuple({
  device: hash32,
  to: optional(hash32),
  boot: u32
})

/** How the arguments of `devices.accept` are written. */
export const acceptDeviceCodec: Codec<AcceptDevice> = tuple({ device: hash32 })

/** How the arguments of `devices.retire` are written. */
export const retireDeviceCodec: Codec<RetireDevice> = tuple({ device: hash32, boot: u32 })

/** The bytes of the arguments of `devices.offer`. */
export function offerDeviceArgs(args: OfferDevice): Uint8Array {
  return encodeArgs(offerDeviceCodec, args)
}

/** The bytes of the arguments of `devices.accept`. */
export function acceptDeviceArgs(args: AcceptDevice): Uint8Array {
  return encodeArgs(acceptDeviceCodec, args)
}

/** The bytes of the arguments of `devices.retire`. */
export function retireDeviceArgs(args: RetireDevice): Uint8Array {
  return encodeArgs(retireDeviceCodec, args)
}

/** The methods by which a device changes hands, with both sides' signatures, or ends. */
export const transferMethods: Readonly<Record<'offer' | 'accept' | 'retire', Method>> = {
  // spec D-15
  offer: method(offerDeviceCodec, (state, { device: id, to, boot }, { author }) => {
    const device = ownDevice(state, id, author)
    if (to === undefined) {
      if (device.offer === undefined) throw noOffer(id)
    } else {
      requireMember(state, to)
      if (equalBytes(to, author))
        throw refused('ERR_NOTHING_CHANGES', "the device is its own member's already", id)
    }
    deviceRecords.put(state, id, { ...device, offer: to && { to, boot } })
  }),
  // spec D-15
  accept: method(acceptDeviceCodec, (state, { device: id }, { author }) => {
    requireMember(state, author)
    const device = knownDevice(state, id)
    requireInForce(device, id)
    if (device.offer === undefined || !equalBytes(device.offer.to, author)) throw noOffer(id)
    deviceRecords.put(state, id, {
      ...device,
      owner: author,
      formerOwner: device.owner,
      // Nothing that is on the ledger changes its owner.
      ownerFromBoot: Math.max(device.offer.boot, nextBoot(state, id), device.ownerFromBoot),
      offer: undefined
    })
    appendOwned(state, author, id)
  }),
  // spec D-16
  retire: method(retireDeviceCodec, (state, { device: id, boot }, { author }, { height }) => {
    const device = ownDevice(state, id, author)
    deviceRecords.put(state, id, { ...device, offer: undefined, retired: { height, boot } })
  })
}

/** The boot behind those that are on the ledger. */
function nextBoot(state: StateReader, id: Uint8Array): number {
  const boots = ([0, 1] as const).map(lane => getLane(state, id, lane)?.boot ?? -1)
  return Math.min(Math.max(...boots) + 1, 0xffff_ffff)
}

function noOffer(id: Uint8Array): ReturnType<typeof refused> {
  return refused('ERR_NO_OFFER', 'the device is not offered to this member', id)
}
