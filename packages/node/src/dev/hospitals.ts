import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { VitalchainError } from '@vitalchain/core'
import { GENESIS_FILE, operatorToken, writeNodeDir } from '../cli/node-dir.ts'
import { peerNameOf, transportPublicKey } from '../network/index.ts'
import { foundNetwork, type FoundedNetwork, type MemberSecrets } from '../testing/found-network.ts'
import { freePorts } from './free-ports.ts'
import { createHospitalProcess, type HospitalProcess } from './hospital-process.ts'
import { createNodeApi, type NodeApi } from './node-api.ts'

/** A hospital of a network of development: its node, and how to reach it. */
export interface Hospital {
  readonly name: string
  readonly secrets: MemberSecrets
  readonly dataDir: string
  /** Where devices submit to: a multiaddr with the node's PeerId. */
  readonly address: string
  /** Where its HTTP API is. */
  readonly url: string
  readonly process: HospitalProcess
  readonly api: NodeApi
}

const LOOPBACK = '127.0.0.1'

/**
 * Founds a network in a directory: a genesis, and a data directory for each hospital. Nothing runs yet.
 *
 * @param onEnd - told when a node ends by itself
 * @throws VitalchainError `ERR_DATA_DIR_NOT_EMPTY` when the directory holds something
 */
export async function foundHospitals(
  directory: string,
  count: number,
  onEnd: (error: VitalchainError, hospital: Hospital) => void
): Promise<{ readonly founded: FoundedNetwork; readonly hospitals: readonly Hospital[] }> {
  await mkdir(directory, { recursive: true, mode: 0o700 })
  if ((await readdir(directory)).length > 0) {
    throw new VitalchainError(
      'ERR_DATA_DIR_NOT_EMPTY',
      `${directory} is not empty: a new network needs a new directory`
    )
  }
  const names = Array.from({ length: count }, (_, k) => `Hospital ${k + 1}`)
  const founded = foundNetwork({ names, created: Date.now() })
  await writeFile(join(directory, GENESIS_FILE), founded.document)

  const ports = await freePorts(3 * count)
  const places = founded.members.map((secrets, k) => {
    const listen = `/ip4/${LOOPBACK}/tcp/${ports[k] ?? 0}`
    const peer = peerNameOf(transportPublicKey(secrets.transport))
    const dataDir = join(directory, `hospital-${k + 1}`)
    return {
      secrets,
      listen,
      dataDir,
      address: `${listen}/p2p/${peer}`,
      port: ports[count + k] ?? 0,
      admin: ports[2 * count + k] ?? 0
    }
  })
  const hospitals: Hospital[] = []
  for (const { secrets, listen, dataDir, address, port, admin } of places) {
    const bootstrap = places.map(each => each.address).filter(each => each !== address)
    const config = {
      listen: [listen],
      bootstrap,
      http: { host: LOOPBACK, port },
      admin: { host: LOOPBACK, port: admin }
    }
    await writeNodeDir(dataDir, { config, genesis: founded.document, secrets })
    const url = `http://${LOOPBACK}:${port}`
    const { name } = secrets
    const hospital: Hospital = {
      name,
      secrets,
      dataDir,
      address,
      url,
      process: createHospitalProcess({ name, dataDir }, error => onEnd(error, hospital)),
      api: createNodeApi(url, await operatorToken(dataDir))
    }
    hospitals.push(hospital)
  }
  return { founded, hospitals }
}
