import { deviceStateKey } from '@vitalchain/contracts'
import {
  comparePlaces,
  completenessFormat,
  networkId,
  useCryptoBackend,
  verifyCompleteness,
  type Place
} from '@vitalchain/core'
import { nodeCryptoBackend } from '../crypto/node-crypto-backend.ts'
import { EXIT, type CliIo } from './io.ts'
import { writeProof } from './proof-out.ts'
import { openProofSource, readPinSize, type ProofSource, type SourceFlags } from './proof-source.ts'

/** What `vitalchain prove …` was asked for. */
export interface ProveFlags extends SourceFlags {
  readonly pin?: string
  readonly out?: string
  readonly json: boolean
}

/** What `vitalchain prove lane` was asked for. */
export interface ProveLaneFlags extends ProveFlags {
  readonly lane: number
  readonly from?: Place
  readonly to?: Place
}

/** Gets the proof of a device's record. Throws as `openProofSource`. */
export function proveDeviceCommand(
  device: Uint8Array,
  flags: ProveFlags,
  io: CliIo
): Promise<number> {
  return proveStateCommand(deviceStateKey(device), flags, io)
}

/** Gets the proof of what the state holds under a key. Throws as `openProofSource`. */
export async function proveStateCommand(
  key: Uint8Array,
  flags: ProveFlags,
  io: CliIo
): Promise<number> {
  const proof = await ask(flags, (source, pin) => source.stateProof(key, pin))
  await writeProof(proof, { out: flags.out, isText: false, json: flags.json }, io)
  return EXIT.ok
}

/** Gets the proof that a part of a lane is complete, and says where it ends. Throws as `openProofSource`. */
export async function proveLaneCommand(
  device: Uint8Array,
  flags: ProveLaneFlags,
  io: CliIo
): Promise<number> {
  const { from, to, out, json } = flags
  const lane = flags.lane === 1 ? 1 : 0
  const proof = await ask(flags, (source, pin) =>
    source.completeness({ device, lane, from, to, pin })
  )
  const genesis = networkId(completenessFormat.decode(proof).genesis)
  const proven = verifyCompleteness(proof, { genesis })
  const [first, last] = [proven.from, proven.to].map(({ boot, seq }) => `${boot}.${seq}`)
  const isWhole = to === undefined ? proven.toHead : comparePlaces(proven.to, to) >= 0
  const more = { statements: proven.statements.length, from: first, to: last, whole: isWhole }
  await writeProof(proof, { out, isText: false, json, more }, io)
  if (json) return EXIT.ok
  io.err(`${proven.statements.length} statements, ${first} to ${last}`)
  if (!isWhole)
    io.err(`there may be more: go on with --from ${proven.to.boot}.${proven.to.seq + 1}`)
  return EXIT.ok
}

async function ask(
  flags: ProveFlags,
  prove: (source: ProofSource, pin: number | undefined) => Promise<Uint8Array>
): Promise<Uint8Array> {
  useCryptoBackend(nodeCryptoBackend)
  const pin = await readPinSize(flags.pin)
  const source = await openProofSource(flags)
  try {
    return await prove(source, pin)
  } finally {
    await source.close()
  }
}
