import { equalBytes, errorCode, sha256, useCryptoBackend, VitalchainError } from '@vitalchain/core'
import { registerDeviceArgs, revokeDeviceArgs } from '@vitalchain/contracts'
import { signOperatorCall } from './calls.ts'
import { nodeCryptoBackend } from './crypto/node-crypto-backend.ts'
import { FIRST_CURSOR, formatCursor, type Cursor } from './ledger/events.ts'
import { type Ledger } from './ledger/ledger.ts'
import { transportPublicKey } from './network/index.ts'
import type { LedgerNode, LedgerNodeOptions } from './types.ts'
import { startNode, type RunningNode } from './running-node.ts'

/** Makes a node of the ledger. Nothing is opened before `start()`. */
export function createLedgerNode(options: LedgerNodeOptions): LedgerNode {
  useCryptoBackend(nodeCryptoBackend)
  const { genesis, keys, now = Date.now, log = () => undefined } = options
  const transportKey = transportPublicKey(keys.transport)
  const networkId = sha256(genesis)
  let running: RunningNode | undefined
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
    running = await startNode({ ...options, now, log }, transportKey, error => {
      log('node stops', { code: error.code, message: error.message })
      fail(error)
      void halt()
    })
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

  const node: LedgerNode = {
    network: networkId,
    transportKey,
    failed,
    // One after the other, also when the caller does not wait.
    start: () => (changing = changing.then(start, start)),
    stop: () => (changing = changing.then(stop, stop)),
    addresses: () => running?.network.addresses() ?? [],
    status: () => parts().status(),
    get ledger() {
      return parts().ledger
    },
    get state() {
      return parts().ledger.state
    },
    submit: async unit => (await parts().admission.submit(unit)).transaction.id,
    async call(method, args, { signal } = {}) {
      const transaction = await signOperatorCall(parts().ledger, keys.operator, method, args)
      const id = await node.submit({ transaction, payload: undefined })
      return node.committed(id, signal === undefined ? {} : { signal })
    },
    registerDevice: (device, wait) =>
      node.call('devices.register', registerDeviceArgs(device), wait),
    revokeDevice: (device, wait) => node.call('devices.revoke', revokeDeviceArgs({ device }), wait),
    events: wait => parts().ledger.events(wait ?? {}),
    receipt(id) {
      const { ledger } = parts()
      const leaf = ledger.findTransaction(id)
      if (leaf === undefined)
        throw new VitalchainError(
          'ERR_NOT_COMMITTED',
          'nothing with this identity is on the ledger',
          { retryable: true }
        )
      return ledger.receipt(leaf)
    },
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

/** The cursor of the newest event: a stream from it holds only what comes. */
function newestCursor(ledger: Ledger): Cursor {
  const header = ledger.header(ledger.head.height)
  // A block without transactions, from a late view, holds no event: begin at the block, not in it.
  if (header === undefined || header.history.size === 0) return FIRST_CURSOR
  const leaf = header.history.size - 1
  const height = ledger.heightOf(leaf)
  const first = ledger.header(height)
  return first === undefined
    ? FIRST_CURSOR
    : formatCursor({ height, index: first.transactionCount - 1 })
}
