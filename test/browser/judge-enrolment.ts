import {
  claimId,
  claimSigner,
  claimText,
  decodeTransaction,
  deviceId,
  enrolledDevice,
  enrolProofBytes,
  fromHex,
  parseClaimText,
  rotationProofBytes,
  toHex,
  verifyEnrolProof,
  verifyRotationProof,
  verifySigned,
  type Algorithm,
  type PublicKey
} from '@vitalchain/core'
import { judgeFields, judgeRefusals, type Finding } from './finding.ts'

interface KeyJson {
  readonly algorithm: Algorithm
  readonly bytes: string
}

interface RotationJson {
  readonly oldKey: KeyJson
  readonly newKey: KeyJson
  readonly proof: string
  readonly place: Readonly<Record<'network' | 'device' | 'previous', string>> & {
    readonly lane: 0 | 1
    readonly boot: number
    readonly seq: number
  }
}

export function judgeEnrolment(file: {
  readonly claims: readonly {
    readonly network: string
    readonly secret: string
    readonly alsoRead: readonly string[]
  }[]
  readonly enrolments: readonly { readonly transaction: string }[]
  readonly rotations: readonly RotationJson[]
  readonly invalid: readonly { readonly text: string; readonly code: string }[]
}): Finding[] {
  return [
    ...judgeFields('claims', file.claims, ({ network, secret, alsoRead }) => {
      const { publicKey } = claimSigner(fromHex(secret))
      return {
        text: claimText(fromHex(network), fromHex(secret)),
        alsoRead: alsoRead.filter(text => toHex(parseClaimText(text).secret) === secret),
        publicKey: publicKey.bytes,
        claim: claimId(publicKey)
      }
    }),
    ...judgeFields('enrolments', file.enrolments, ({ transaction }) => enrolment(transaction)),
    ...judgeFields('rotations', file.rotations, rotation => {
      const { network, device, previous, ...rest } = rotation.place
      const place = {
        network: fromHex(network),
        device: fromHex(device),
        previous: fromHex(previous),
        ...rest
      }
      const [oldKey, newKey] = [keyOf(rotation.oldKey), keyOf(rotation.newKey)]
      const proof = fromHex(rotation.proof)
      const statement = { type: 'rotation', ...place, flags: 0, newKey, proof } as const
      return {
        proofBytes: rotationProofBytes(place, oldKey, newKey),
        proof: verifyRotationProof(statement, oldKey) ? proof : 'a proof that does not hold'
      }
    }),
    ...judgeRefusals('invalid', file.invalid, ({ text }) => parseClaimText(text))
  ]
}

function enrolment(transaction: string): Readonly<Record<string, unknown>> {
  const opened = decodeTransaction(fromHex(transaction))
  if (opened.type !== 'call' || !verifySigned(opened.signed)) return { id: 'not a signed call' }
  const { network, author } = opened.call
  const device = enrolledDevice(opened.call)
  const { publicKey, model, firmware, metrics } = device
  return {
    id: verifyEnrolProof(network, author, device) ? opened.id : 'a proof that does not hold',
    algorithm: publicKey.algorithm,
    publicKey: publicKey.bytes,
    device: deviceId(publicKey),
    description: { model, firmware, metrics },
    proofBytes: enrolProofBytes(network, author, publicKey, device)
  }
}

function keyOf({ algorithm, bytes }: KeyJson): PublicKey {
  return { algorithm, bytes: fromHex(bytes) }
}
