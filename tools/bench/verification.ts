// How large a receipt is in each form, and how long its verification takes with each set of cryptographic functions.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import {
  createReceiptVerifier,
  createSigner,
  generateSecretKey,
  genesisValidators,
  pureCryptoBackend,
  receiptFromJson,
  sha256,
  toHex,
  useCryptoBackend,
  verifyCoseReceipt,
  verifyReceipt,
  verifySignature,
  verifyTlogProof,
  type CryptoBackend
} from '@vitalchain/core'
import { nodeCryptoBackend } from '@vitalchain/node'
import { percentile } from '../../packages/node/src/dev/percentile.ts'
import type { ReceiptForms } from './receipt-forms.ts'
import type { SampleLedger } from './sample-ledger.ts'

/** The sets of functions that a verifier can have. */
export const BACKENDS: Readonly<Record<BackendName, CryptoBackend>> = {
  pure: pureCryptoBackend,
  node: nodeCryptoBackend
}

export type BackendName = 'pure' | 'node'

/** Verifications of each kind; in JavaScript alone one takes milliseconds. */
const ROUNDS: Readonly<Record<BackendName, number>> = { pure: 160, node: 400 }

/** Signature checks in a receipt of four founders: three of the quorum, one of the device. */
const SIGNATURES_IN_RECEIPT = 4

/** Hashes timed as one: a single one is shorter than the clock is exact. */
const HASHES_AT_ONCE = 500

/** What bounds a verifier on one thread. */
export interface CryptoLimits {
  readonly ed25519ChecksPerSecond: number
  /** Of 65 bytes, as a node of the tree. */
  readonly sha256PerSecond: number
}

export async function cryptoLimits(backend: BackendName): Promise<CryptoLimits> {
  useCryptoBackend(BACKENDS[backend])
  const signer = createSigner('ed25519', generateSecretKey('ed25519'))
  const message = new Uint8Array(200)
  const signature = await signer.sign(message)
  const node = new Uint8Array(65)
  return {
    ed25519ChecksPerSecond: Math.round(
      1_000 / median(backend, () => verifySignature(signer.publicKey, message, signature))
    ),
    sha256PerSecond: Math.round(
      (1_000 * HASHES_AT_ONCE) /
        median(backend, () => {
          for (let k = 0; k < HASHES_AT_ONCE; k += 1) sha256(node)
        })
    )
  }
}

/** Times of one receipt, ms. */
export interface VerificationTimes {
  /** CBOR in a new process, where nothing is compiled and no key is known yet: the call alone. */
  readonly first: number
  /** CBOR that shares no block with those before; p50, as the next ones. */
  readonly alone: number
  /** `alone`, as a multiple of the signature checks in it. */
  readonly aloneOfSignatureLimit: number
  /** CBOR whose block's certificate was verified before. */
  readonly sharedCertificate: number
  /** CBOR by a verifier that trusts an earlier checkpoint. */
  readonly pinned: number
  /** JSON back to CBOR, and that verified. */
  readonly json: number
  readonly tlogProof: number
  readonly cose: number
}

export async function verificationTimes(
  { founded, network, transaction }: SampleLedger,
  { cbor, cborForPin, pin, json, tlogProof, cose }: ReceiptForms,
  backend: BackendName,
  limits: CryptoLimits
): Promise<VerificationTimes> {
  useCryptoBackend(BACKENDS[backend])
  const genesis = founded.document
  const checkpointTrust = { network, validators: genesisValidators(founded.genesis) }
  const p50 = (run: () => unknown): number => rounded(median(backend, run))
  const alone = p50(() => verifyReceipt(cbor, { genesis }))
  const verify = createReceiptVerifier({ genesis })
  const atLimit = (1_000 * SIGNATURES_IN_RECEIPT) / limits.ed25519ChecksPerSecond
  return {
    first: await firstVerification(cbor, genesis, backend),
    alone,
    aloneOfSignatureLimit: rounded(alone / atLimit),
    sharedCertificate: p50(() => verify(cbor)),
    pinned: p50(() => verifyReceipt(cborForPin, { genesis, pin })),
    json: p50(() => verifyReceipt(receiptFromJson(json), { genesis })),
    tlogProof: p50(() => verifyTlogProof(tlogProof, transaction, checkpointTrust)),
    cose: p50(() => verifyCoseReceipt(cose, transaction, checkpointTrust))
  }
}

/** Median of some times in ms, when it has run often enough to be compiled. */
function median(backend: BackendName, run: () => unknown): number {
  const times: number[] = []
  for (let k = 0; k < ROUNDS[backend]; k += 1) {
    const from = performance.now()
    run()
    times.push(performance.now() - from)
  }
  return percentile(times.slice(ROUNDS[backend] / 2), 0.5) ?? 0
}

async function firstVerification(
  receipt: Uint8Array,
  genesis: Uint8Array,
  backend: BackendName
): Promise<number> {
  const script = new URL('./first-verification.ts', import.meta.url).pathname
  const { stdout } = await promisify(execFile)(process.execPath, [
    '--conditions=@vitalchain/source',
    script,
    backend,
    toHex(receipt),
    toHex(genesis)
  ])
  return rounded(Number(stdout))
}

/** Hundredths. */
function rounded(value: number): number {
  return Math.round(value * 100) / 100
}
