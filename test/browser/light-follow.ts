import { errorCode, fromHex, toHex, type Place } from '@vitalchain/core'
import { createLightClient } from '@vitalchain/device-sdk/light'

/** What a follower of the test is told; texts and numbers only, so that it crosses into a page. */
export interface LightTask {
  readonly genesis: string
  readonly peers: readonly { readonly url: string; readonly token?: string }[]
  /** The height to wait for. */
  readonly height: number
  /** A receipt from long before. */
  readonly oldReceipt: string
  /** The transaction whose receipt is fetched. */
  readonly id: string
  readonly stateKey: string
  readonly device: string
  readonly to: Place
}

/** What a follower found out. */
export interface LightFindings {
  readonly height: number
  readonly blockHash: string
  readonly handOvers: number
  readonly oldTrust: string
  readonly receiptId: string
  readonly stateValue: string
  readonly statements: number
  readonly toHead: boolean
  readonly path: number
  readonly refused: string
  readonly saved: number
  readonly peers: readonly string[]
}

/** Follows real nodes over HTTP and has everything proved; the same source runs in Node and in the page. */
export async function followLedger(task: LightTask): Promise<LightFindings> {
  const client = createLightClient({
    genesis: fromHex(task.genesis),
    peers: task.peers,
    pollMs: 100
  })
  client.start()
  try {
    let path = 0
    for await (const { header } of client.heads()) {
      if (header.height < task.height) continue
      break
    }
    const old = await client.verifyReceipt(fromHex(task.oldReceipt))
    path = (await client.consistency(old.header.history)).length
    const receipt = await client.fetchReceipt(fromHex(task.id))
    const state = await client.stateProof(fromHex(task.stateKey))
    const device = fromHex(task.device)
    let statements = 0
    let toHead = false
    for await (const { proven } of client.completeness({ device, lane: 0 })) {
      statements += proven.statements.length
      toHead = proven.toHead
    }
    for await (const { proven } of client.completeness({ device, lane: 0, to: task.to }))
      statements += proven.statements.length
    const unknown = client.fetchReceipt(new Uint8Array(32)).then(() => 'given', errorCode)
    return {
      height: client.head?.header.height ?? 0,
      blockHash: toHex(client.head?.blockHash ?? new Uint8Array(0)),
      handOvers: client.head?.handOvers ?? 0,
      oldTrust: old.trust,
      receiptId: toHex(receipt.proven.transaction.id),
      stateValue: toHex(state.proven.value ?? new Uint8Array(0)),
      statements,
      toHead,
      path,
      refused: await unknown,
      saved: client.save()?.length ?? 0,
      peers: client.status().peers.map(({ state: is, code }) => code ?? is)
    }
  } finally {
    await client.stop()
  }
}
