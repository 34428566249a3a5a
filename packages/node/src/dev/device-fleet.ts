import { createDevice, type Device } from '@vitalchain/device-sdk'
import { libp2pTransport } from '@vitalchain/device-sdk/libp2p'
import { deviceId, equalBytes, generateSecretKey, networkId, type Signer } from '@vitalchain/core'
import { createNodeSigner } from '../crypto/node-signer.ts'
import { transportPublicKey } from '../network/index.ts'
import type { Hospital } from './hospitals.ts'
import type { DeviceKeys } from './keys-file.ts'
import { registerDevice } from './register-device.ts'

/** The model that simulated devices are registered with. It stands on the ledger in clear. */
const DEVICE_MODEL = 'vitalchain simulated monitor'

/** How long a reading of a device in real time waits for its batch to fill, ms. */
const BATCH_MS = 1_000

/** A simulated device with its keys. */
export interface FleetDevice {
  readonly keys: DeviceKeys
  readonly device: Device
  /** Names of the hospitals that it had sessions with, in that order. */
  readonly sessions: readonly string[]
}

/** Makes new devices, each with a key and a stream of its own. */
export function createDeviceKeys(
  columns: readonly (readonly string[])[]
): readonly { readonly keys: DeviceKeys; readonly signer: Signer }[] {
  return columns.map((own, k) => {
    const signer = createNodeSigner(generateSecretKey('ed25519'))
    const keys = {
      name: `monitor-${k + 1}`,
      device: deviceId(signer.publicKey),
      stream: crypto.getRandomValues(new Uint8Array(16)),
      generation: 0,
      secret: crypto.getRandomValues(new Uint8Array(32)),
      columns: own
    }
    return { keys, signer }
  })
}

/** Registers devices, device k with hospital k, and starts over when there are more devices than hospitals. */
export async function registerFleet(
  devices: readonly { readonly signer: Signer }[],
  hospitals: readonly Hospital[],
  genesis: Uint8Array,
  signal: AbortSignal
): Promise<void> {
  const network = networkId(genesis)
  await Promise.all(
    hospitals.map(async (hospital, owner) => {
      // One by one: each call of an operator names the one before.
      for (const [k, { signer }] of devices.entries()) {
        if (k % hospitals.length !== owner) continue
        const device = { publicKey: signer.publicKey, model: DEVICE_MODEL, firmware: undefined }
        await registerDevice(hospital, network, device, signal)
      }
    })
  )
}

/** Starts a device that goes to hospital `first` first, and on to the next when that one fails. */
export async function startDevice(
  { keys, signer }: { readonly keys: DeviceKeys; readonly signer: Signer },
  {
    genesis,
    hospitals,
    first,
    batch
  }: {
    readonly genesis: Uint8Array
    readonly hospitals: readonly Hospital[]
    readonly first: number
    /** Readings in a batch. */
    readonly batch: number
  }
): Promise<FleetDevice> {
  const turn = first % hospitals.length
  const order = [...hospitals.slice(turn), ...hospitals.slice(0, turn)]
  const device = createDevice({
    signer,
    genesis,
    stream: { id: keys.stream, generation: keys.generation, secret: keys.secret },
    transport: libp2pTransport({
      network: networkId(genesis),
      addresses: order.map(({ address }) => address)
    }),
    boot: 0,
    batch: { readings: batch, ms: BATCH_MS }
  })
  const sessions: string[] = []
  void noteSessions(device, hospitals, sessions)
  await device.start()
  return { keys, device, sessions }
}

async function noteSessions(
  device: Device,
  hospitals: readonly Hospital[],
  sessions: string[]
): Promise<void> {
  for await (const event of device.events()) {
    if (event.type !== 'connected') continue
    const hospital = hospitals.find(({ secrets }) =>
      equalBytes(transportPublicKey(secrets.transport), event.node)
    )
    if (hospital !== undefined) sessions.push(hospital.name)
  }
}
