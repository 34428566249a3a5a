import { toHex } from '@vitalchain/core'
import { readJsonFile, type JsonReader } from '../cli/json-file.ts'
import { writeSecretFile } from '../keys/keys-file.ts'

/** A simulated device, with all its secrets. */
export interface DeviceKeys {
  /** What people call it, for example `monitor-1`. */
  readonly name: string
  /** Its identifier on the ledger, 32 bytes. */
  readonly device: Uint8Array
  /** Its stream of readings: 16 bytes, a pseudonym. */
  readonly stream: Uint8Array
  readonly generation: number
  /** The root of the stream's key tree, 32 bytes: opens every payload. */
  readonly secret: Uint8Array
  /** The columns of the replayed file that it feeds; none when its readings are simulated. */
  readonly columns: readonly string[]
}

/** What it takes to read the readings of a network of development. */
export interface DevKeys {
  /** Time of minute 0 of the replayed file, ms since 1970; undefined when nothing was replayed. */
  readonly startTime: number | undefined
  readonly devices: readonly DeviceKeys[]
}

/** Writes the keys, readable by their owner alone; the file must not exist. */
export async function writeDevKeys(file: string, { startTime, devices }: DevKeys): Promise<void> {
  const content = {
    startTime: startTime ?? null,
    devices: devices.map(({ name, device, stream, generation, secret, columns }) => ({
      name,
      device: toHex(device),
      stream: toHex(stream),
      generation,
      secret: toHex(secret),
      columns
    }))
  }
  await writeSecretFile(file, `${JSON.stringify(content, undefined, 2)}\n`)
}

/** @throws VitalchainError `ERR_FILE` */
export async function readDevKeys(file: string): Promise<DevKeys> {
  const content = await readJsonFile(file)
  return {
    startTime: content.optional('startTime')?.integer(Number.MIN_SAFE_INTEGER),
    devices: content.field('devices').list().map(readDevice)
  }
}

function readDevice(from: JsonReader): DeviceKeys {
  return {
    name: from.field('name').text(),
    device: from.field('device').hex(32),
    stream: from.field('stream').hex(16),
    generation: from.field('generation').integer(),
    secret: from.field('secret').hex(32),
    columns: (from.optional('columns')?.list() ?? []).map(each => each.text())
  }
}
