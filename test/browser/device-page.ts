// The script of a page that is a device: its key is made in the page and cannot leave it, its outbox is in IndexedDB.
import { fromHex, toHex, verifyReceipt, type Reading, type Signer } from '@vitalchain/core'
import { createDevice } from '@vitalchain/device-sdk'
import { httpTransport } from '@vitalchain/device-sdk/http'
import { indexedDbOutbox } from '@vitalchain/device-sdk/indexeddb'
import { createWebCryptoKeys, webCryptoSigner } from '@vitalchain/device-sdk/signers'

/** What the page is told; bytes in hexadecimal. */
export interface DeviceTask {
  readonly genesis: string
  readonly addresses: readonly string[]
  readonly stream: { readonly id: string; readonly secret: string }
  readonly readings: readonly Reading[]
}

declare global {
  var vitalchainDevice: {
    /** Makes the device's key, ES256, which every browser has. Its public half in hexadecimal. */
    makeKey(): Promise<string>
    /** Records the readings, shows what the receipt proves, and gives the receipt in hexadecimal. */
    record(task: DeviceTask): Promise<string>
  }
}

declare const document: { readonly body: { textContent: string } }

let signer: Signer | undefined

globalThis.vitalchainDevice = {
  async makeKey() {
    signer = await webCryptoSigner(await createWebCryptoKeys('es256'))
    return toHex(signer.publicKey.bytes)
  },

  async record({ genesis: genesisHex, addresses, stream, readings }) {
    if (signer === undefined) throw new Error('the device has no key yet')
    const genesis = fromHex(genesisHex)
    const device = createDevice({
      signer,
      genesis,
      stream: { id: fromHex(stream.id), secret: fromHex(stream.secret), generation: 0 },
      transport: httpTransport({ addresses }),
      outbox: indexedDbOutbox('device'),
      resume: 'ledger'
    })
    await device.start()
    try {
      const recorded = device.record(readings)
      await device.flush()
      const [batch] = await recorded
      if (batch === undefined) throw new Error('readings make a batch')
      const { receipt } = await batch.proved
      const { header, certifiedBy } = verifyReceipt(receipt, { genesis })
      document.body.textContent = `proved at height ${header.height} by ${certifiedBy.length} hospitals`
      return toHex(receipt)
    } finally {
      await device.stop()
    }
  }
}
