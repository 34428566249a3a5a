import {
  checkpointNote,
  consistencyProof,
  coseReceipt,
  createSigner,
  genesisValidators,
  inclusionProof,
  quorum,
  receiptFormat,
  receiptToJson,
  rootAt,
  signCheckpoint,
  tlogProof,
  type NodeReader,
  type Pin,
  type TreeHead
} from '@vitalchain/core'
import type { SampleLedger } from './sample-ledger.ts'

/** One transaction's receipt in all its forms. */
export interface ReceiptForms {
  readonly cbor: Uint8Array
  /** For a verifier that trusts {@link ReceiptForms.pin}. */
  readonly cborForPin: Uint8Array
  /** A checkpoint of about a third of the history. */
  readonly pin: Pin
  readonly json: string
  /** With the cosignatures of a quorum, without the transaction. */
  readonly tlogProof: string
  /** By one hospital, without the transaction. */
  readonly cose: Uint8Array
}

/** The forms of the receipt of the transaction at `index`, against a header and a checkpoint over the whole history. */
export async function receiptForms(
  { founded, network, transaction, certified }: SampleLedger,
  index: number,
  head: TreeHead,
  read: NodeReader
): Promise<ReceiptForms> {
  const path = inclusionProof(index, head.size, read)
  const size = Math.floor(head.size / 3)
  const pin = { size, root: rootAt(size, read) }
  const anchor = { genesis: founded.document, handOvers: [], ...certified(head) }
  const leaf = { index, path, transaction }
  const cbor = receiptFormat.encode({ ...anchor, consistency: undefined, ...leaf })
  const consistency = { ...pin, path: consistencyProof(size, head.size, read) }

  const validators = genesisValidators(founded.genesis)
  const shares = await Promise.all(
    validators.slice(0, quorum(validators.length)).map(({ member }, k) => {
      const secret = founded.members[k]?.checkpoint ?? new Uint8Array(0)
      const time = Math.floor(anchor.header.time / 1_000)
      return signCheckpoint(
        { network, ...head },
        { member, time, signer: createSigner('ed25519', secret) }
      )
    })
  )
  const keys = new Map(validators.map(each => [each.member.join(), each.checkpointKey]))
  const checkpoint = checkpointNote(shares, member => keys.get(member.join()))
  const [share] = shares
  const checkpointKey = validators[0]?.checkpointKey
  if (share === undefined || checkpointKey === undefined) throw new Error('no validators')
  return {
    cbor,
    cborForPin: receiptFormat.encode({ ...anchor, consistency, ...leaf }),
    pin,
    json: JSON.stringify(receiptToJson(cbor), undefined, 2),
    tlogProof: tlogProof({ index, path, checkpoint }),
    cose: coseReceipt({ share, index, path, checkpointKey })
  }
}
