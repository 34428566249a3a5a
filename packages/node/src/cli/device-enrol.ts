import { open, writeFile } from 'node:fs/promises'
import {
  createSigner,
  generateSecretKey,
  networkId,
  toHex,
  VitalchainError,
  type Signer
} from '@vitalchain/core'
import type { DeviceTransport } from '@vitalchain/device-sdk'
import { enrolDevice } from '@vitalchain/device-sdk/enrol'
import type { DescriptionFlags } from './device.ts'
import { EXIT, type CliIo } from './io.ts'
import { readBytes, readJsonFile } from './json-file.ts'
import { say } from './own-node.ts'

/** The settings of `vitalchain device enrol`. */
export interface EnrolFlags extends DescriptionFlags {
  readonly genesis: string
  /** The file of the device's key; made when there is none. */
  readonly key: string
  /** Addresses of nodes: multiaddrs, or `http(s)://…#key`. */
  readonly node: readonly string[]
  /** Where to write the receipt. */
  readonly out?: string
  readonly json: boolean
  readonly timeout: number
}

/** Enrols a device of which this machine holds the key: a gateway, or one that is being set up. */
export async function deviceEnrolCommand(
  claim: string,
  { genesis: file, key, node, out, timeout, ...flags }: EnrolFlags,
  io: CliIo
): Promise<number> {
  const genesis = await readBytes(file)
  const signer = await readOrMakeKey(key)
  const transport = await transportTo(node, networkId(genesis))
  const late = AbortSignal.timeout(timeout * 1_000)
  try {
    const { model, firmware, metrics } = flags
    const { device, proof } = await enrolDevice(
      {
        claim,
        signer,
        genesis,
        transport,
        model,
        ...(firmware === undefined ? {} : { firmware }),
        ...(metrics === undefined ? {} : { metrics })
      },
      { signal: AbortSignal.any([io.stop, late]) }
    )
    if (out !== undefined && proof !== undefined) await writeFile(out, proof.receipt)
    const height = proof?.proven.header.height
    say(io, flags, JSON.stringify({ device: toHex(device), height: height ?? null }), () => [
      `Enrolled as ${toHex(device)}.`,
      ...(height === undefined ? [] : [`The receipt proves it up to block ${height}.`])
    ])
    return EXIT.ok
  } finally {
    await transport.close?.()
  }
}

async function transportTo(
  addresses: readonly string[],
  network: Uint8Array
): Promise<DeviceTransport> {
  const isHttp = addresses.map(each => /^https?:/.test(each))
  if (isHttp.every(Boolean)) {
    const { httpTransport } = await import('@vitalchain/device-sdk/http')
    return httpTransport({ addresses })
  }
  if (isHttp.some(Boolean))
    throw new VitalchainError('ERR_USAGE', 'give addresses of one kind: multiaddrs, or http(s)://')
  const { libp2pTransport } = await import('@vitalchain/device-sdk/libp2p')
  return libp2pTransport({ addresses, network })
}

/** On disk before it is used: a device that is enrolled with a key that nobody has is lost. */
async function readOrMakeKey(file: string): Promise<Signer> {
  const secretKey = generateSecretKey('ed25519')
  try {
    const made = await open(file, 'wx', 0o600)
    try {
      await made.writeFile(
        `${JSON.stringify({ algorithm: 'ed25519', secretKey: toHex(secretKey) })}\n`
      )
      await made.sync()
    } finally {
      await made.close()
    }
    return createSigner('ed25519', secretKey)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
  }
  const known = await readJsonFile(file)
  const algorithm = known.field('algorithm').text()
  if (algorithm !== 'ed25519' && algorithm !== 'es256')
    throw new VitalchainError('ERR_FILE', `${file} holds no key of a device`)
  return createSigner(algorithm, known.field('secretKey').hex(32))
}
