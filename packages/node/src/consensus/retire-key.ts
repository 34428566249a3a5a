import { errorCode, toHex, type ErrorValues } from '@vitalchain/core'
import type { Ledger } from '../ledger/ledger.ts'
import { isRetired, proveRetirement } from './key-retirement.ts'
import type { ReplicaHost } from './replica-host.ts'
import type { VoteSigner } from './vote-signer.ts'

/** Destroys the consensus key of this node once it is out of force. spec C-48 */
export interface KeyRetirement {
  /** Validators may have changed, or a key was taken up: looks whether its time is over. */
  look(): void
  /** Waits for a destruction under way; the host must have stopped. */
  stop(): Promise<void>
}

/**
 * Makes the {@link KeyRetirement} of a node. What fails, because the disk does or a signer in another process is away, is
 * tried again at the next look.
 *
 * @param onRetired - told of the public key when nothing here can sign with it any more
 */
export function createKeyRetirement({
  ledger,
  host,
  onRetired,
  log
}: {
  readonly ledger: Ledger
  readonly host: Pick<ReplicaHost, 'key' | 'giveUp'>
  readonly onRetired: (publicKey: Uint8Array) => Promise<void>
  readonly log: (event: string, values: ErrorValues) => void
}): KeyRetirement {
  /** What is still to be done, in order. */
  let steps: (() => Promise<void>)[] = []
  let running: Promise<void> | undefined
  let voter: VoteSigner | undefined
  let stopped = false

  function begin(key: Uint8Array): void {
    const { height } = ledger.head
    voter = host.giveUp()
    steps = [
      async () => voter?.retire(proveRetirement(ledger, key)),
      () => onRetired(key),
      async () => log('consensus key destroyed: it is out of force', { key: toHex(key), height })
    ]
  }

  async function run(): Promise<void> {
    try {
      for (let step = steps[0]; step !== undefined; step = steps[0]) {
        await step()
        steps.shift()
      }
    } catch (error) {
      log('consensus key out of force but not destroyed', { code: errorCode(error) })
    } finally {
      running = undefined
    }
  }

  return {
    look() {
      if (stopped) return
      const { key } = host
      if (key !== undefined && isRetired(ledger, key)) begin(key)
      if (steps.length > 0) running ??= run()
    },
    async stop() {
      stopped = true
      await running
      await voter?.close()
    }
  }
}
