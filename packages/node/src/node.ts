import {
  equalBytes,
  errorCode,
  sha256,
  useCryptoBackend,
  VitalchainError,
  type ErrorValues
} from '@vitalchain/core'
import { registerDeviceArgs, revokeDeviceArgs } from '@vitalchain/contracts'
import { signOperatorCall } from './calls.ts'
import { nodeCryptoBackend } from './crypto/node-crypto-backend.ts'
import { makeCoseReceipt, makeTlogProof, type CheckpointForms } from './ledger/checkpoint-forms.ts'
import { diagnoseStopped } from './diagnosis/stopped.ts'
import { newestCursor } from './ledger/events.ts'
import { transportPublicKey } from './network/index.ts'
import type { DeviceDoor, LedgerNode, LedgerNodeOptions, NodeKeys } from './types.ts'
import { startNode, type RunningNode } from './running-node.ts'

/** Makes a node of the ledger. Nothing is opened before `start()`. */
export function createLedgerNode(options: LedgerNodeOptions): LedgerNode {
  useCryptoBackend(nodeCryptoBackend)
  const { genesis, now = Date.now, onKeyRetired, meters } = options
  const log = (event: string, values: ErrorValues): void => {
    meters?.logged(event, values)
    options.log?.(event, values)
  }
  // An own copy of the key that is wiped one day: the caller's is not ours to change.
  let keys = withOwnConsensus(options.keys)
  const transportKey = transportPublicKey(keys.transport)
  const networkId = sha256(genesis)
  let running: RunningNode | undefined
  /** Why the node stopped itself. */
  let fault: VitalchainError | undefined
  let changing: Promise<void> = Promise.resolve()
  let fail: (error: VitalchainError) => void
  const failed = new Promise<VitalchainError>(resolve => {
    fail = resolve
  })

  const parts = (): RunningNode => {
    if (running === undefined)
      throw new VitalchainError('ERR_NOT_STARTED', 'the node is not running')
    return running
  }

  const start = async (): Promise<void> => {
    if (running !== undefined) return
    fault = undefined
    const settings = { ...options, keys, onKeyRetired: retire, now, log }
    running = await startNode(settings, transportKey, error => {
      log('node stops', { code: error.code, message: error.message })
      fault = error
      fail(error)
      void halt()
    })
  }
  const retire = async (kind: 'consensus', publicKey: Uint8Array): Promise<void> => {
    const { consensus, ...others } = keys
    consensus?.fill(0)
    keys = { ...others, retiredConsensus: publicKey }
    await onKeyRetired?.(kind, publicKey)
  }
  const stop = async (): Promise<void> => {
    const stopping = running
    running = undefined
    await stopping?.stop()
  }
  const halt = async (): Promise<void> => {
    try {
      await node.stop()
    } catch (error) {
      log('node not stopped cleanly', { code: errorCode(error) })
    }
  }

  const leafOf = (id: Uint8Array): number => {
    const leaf = parts().ledger.findTransaction(id)
    if (leaf === undefined)
      throw new VitalchainError(
        'ERR_NOT_COMMITTED',
        'nothing with this identity is on the ledger',
        { retryable: true }
      )
    return leaf
  }
  const forms = (): CheckpointForms => {
    const { ledger, checkpoints } = parts()
    return { ledger, latest: checkpoints.latest() }
  }

  const node: LedgerNode = {
    network: networkId,
    transportKey,
    failed,
    // One after the other, also when the caller does not wait.
    start: () => (changing = changing.then(start, start)),
    async drain(signal) {
      await running?.drain.run(signal)
    },
    stop: () => (changing = changing.then(stop, stop)),
    addresses: () => running?.network.addresses() ?? [],
    status: () => parts().status(),
    members: () => parts().members(),
    diagnose: async () => running?.diagnose() ?? diagnoseStopped(options, now(), fault),
    get ledger() {
      return parts().ledger
    },
    get checkpoints() {
      return parts().checkpoints
    },
    get state() {
      return parts().ledger.provenState
    },
    get deviceDoor(): DeviceDoor {
      const { requests, sessions } = parts()
      return {
        answer: (asked, device, wait) => requests.answer(asked, device, wait),
        greet: (nonce, challenge) => requests.greet(nonce, challenge),
        serve: (frames, from) => sessions.serve(frames, from)
      }
    },
    submit: async unit => (await parts().door.submit(unit)).transaction.id,
    waiting: id => parts().waiting(id),
    async call(method, args, { signal } = {}) {
      const transaction = await signOperatorCall(parts().ledger, keys.operator, method, args)
      const id = await node.submit({ transaction, payload: undefined })
      return node.committed(id, signal === undefined ? {} : { signal })
    },
    registerDevice: (device, wait) =>
      node.call('devices.register', registerDeviceArgs(device), wait),
    revokeDevice: (device, wait) => node.call('devices.revoke', revokeDeviceArgs({ device }), wait),
    events: wait => parts().ledger.events(wait ?? {}),
    receipt(id, as) {
      const receipt = parts().ledger.receipt(leafOf(id), as)
      meters?.receiptMade(id)
      return receipt
    },
    tlogProof: id => makeTlogProof(forms(), leafOf(id)),
    coseReceipt: (id, member) => makeCoseReceipt(forms(), leafOf(id), member),
    stateProof: (key, { pin } = {}) => parts().ledger.stateProof(key, pin),
    completeness: async request => parts().ledger.completeness(request),
    async committed(id, { signal } = {}) {
      const { ledger } = parts()
      const ended = new AbortController()
      const wait = signal === undefined ? ended.signal : AbortSignal.any([signal, ended.signal])
      // Listen first, look then: nothing can be committed between the two unseen.
      const events = ledger.events({ from: newestCursor(ledger), signal: wait })
      try {
        if (ledger.findTransaction(id) !== undefined) return node.receipt(id)
        for await (const event of events)
          if (equalBytes(event.transaction.id, id)) return node.receipt(id)
      } finally {
        ended.abort()
      }
      signal?.throwIfAborted()
      throw new VitalchainError(
        'ERR_NOT_STARTED',
        'the node stopped before the transaction was committed',
        { retryable: true }
      )
    }
  }
  return node
}

function withOwnConsensus({ consensus, ...keys }: NodeKeys): NodeKeys {
  return consensus === undefined ? keys : { ...keys, consensus: Uint8Array.from(consensus) }
}
