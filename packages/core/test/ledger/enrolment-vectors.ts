import { claimId, claimSigner, claimText, parseClaimText } from '../../src/device/claim.ts'
import {
  enrolProofBytes,
  enrolTransaction,
  type DeviceDescription
} from '../../src/device/enrolment.ts'
import { deviceId } from '../../src/ledger/identity.ts'
import { makeRotation, rotationProofBytes } from '../../src/ledger/rotation.ts'
import { decodeTransaction } from '../../src/ledger/transaction.ts'
import { seed, TestDevice, testSigner } from './small-ledger.ts'
import { codeOf, toJson, type Json } from './vector-json.ts'

const network = seed('network')
const secret = seed('claim').subarray(0, 16)

/** Claims and the calls that use them, F-29 and F-30, and the proofs of rotations, F-27. */
export async function enrolmentVectors(): Promise<Json> {
  const text = claimText(network, secret)
  const claim = claimSigner(secret)
  const descriptions: readonly DeviceDescription[] = [
    { model: 'Bedside monitor', firmware: undefined, metrics: [] },
    {
      model: 'Pump 3000 ü',
      firmware: seed('firmware'),
      metrics: ['MDC_PULS_OXIM_SAT_O2']
    }
  ]
  const enrolments = await Promise.all(
    (['ed25519', 'es256'] as const).flatMap(algorithm =>
      descriptions.map(async description => {
        const device = testSigner(algorithm, 'enrolled')
        const author = claimId(claim.publicKey)
        const transaction = await enrolTransaction(network, claim, device, description)
        return toJson({
          algorithm,
          secretKey: seed('enrolled'),
          publicKey: device.publicKey.bytes,
          device: deviceId(device.publicKey),
          description,
          proofBytes: enrolProofBytes(network, author, device.publicKey, description),
          id: decodeTransaction(transaction).id,
          transaction
        })
      })
    )
  )
  const rotations = await Promise.all(
    (['ed25519', 'es256'] as const).map(async algorithm => {
      const device = new TestDevice(network, algorithm, 'vector')
      const newSigner = testSigner(algorithm === 'es256' ? 'ed25519' : 'es256', 'next')
      const place = placeOf(device.readings().statement)
      const oldKey = device.signer.publicKey
      const rotation = await makeRotation(place, 0, oldKey, newSigner)
      return toJson({
        oldKey,
        newKey: newSigner.publicKey,
        newSecretKey: seed('next'),
        place,
        proofBytes: rotationProofBytes(place, oldKey, newSigner.publicKey),
        proof: rotation.proof
      })
    })
  )
  const last = text.at(-1) === '0' ? '1' : '0'
  const invalid: Readonly<Record<string, string>> = {
    'another prefix': text.replace('VC1', 'VC2'),
    'a character too few': text.slice(0, -1),
    'a character too many': `${text}0`,
    'the letter U': `${text.slice(0, 4)}U${text.slice(5)}`,
    'a wrong last character': text.slice(0, -1) + last,
    nothing: ''
  }
  return {
    purpose:
      'The text and the key of a claim (F-29), enrolments with it (F-30), and what the new key of a rotation signs (F-27). The signatures are deterministic here (RFC 8032, RFC 6979).',
    claims: [
      toJson({
        network,
        secret,
        text,
        alsoRead: [
          text.toLowerCase(),
          text.replaceAll('-', ' '),
          text.replaceAll('0', 'O').replaceAll('1', 'l')
        ],
        publicKey: claim.publicKey.bytes,
        claim: claimId(claim.publicKey)
      })
    ],
    enrolments,
    rotations,
    invalid: Object.entries(invalid).map(([why, each]) => ({
      why,
      text: each,
      code: codeOf(() => parseClaimText(each), why)
    }))
  }
}

function placeOf({
  network: of,
  device,
  lane,
  boot,
  seq,
  previous
}: Parameters<typeof makeRotation>[0]): Parameters<typeof makeRotation>[0] {
  return { network: of, device, lane, boot, seq, previous }
}
