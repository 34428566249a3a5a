export * from './errors.ts'
export * from './bytes.ts'
export * from './crypto/hash.ts'
export { pureCryptoBackend, useCryptoBackend, type CryptoBackend } from './crypto/backend.ts'
export { BoundedCache } from './crypto/bounded-cache.ts'
export { ED25519_PUBLIC_KEY_BYTES, ED25519_SIGNATURE_BYTES } from './crypto/ed25519-rule.ts'
export * from './crypto/ed25519.ts'
export { ES256_PUBLIC_KEY_BYTES, ES256_SIGNATURE_BYTES } from './crypto/es256-rule.ts'
export * from './crypto/es256.ts'
export { x25519PublicKey, X25519_KEY_BYTES } from './crypto/hpke.ts'
export * from './crypto/keys.ts'
export * from './crypto/signatures.ts'
export * from './encoding/cbor.ts'
export * from './encoding/schema.ts'
export * from './merkle/history.ts'
export * from './merkle/history-prove.ts'
export * from './merkle/history-many.ts'
export * from './merkle/tiles.ts'
export * from './merkle/state-tree.ts'
export * from './merkle/state-proof.ts'
export * from './ledger/limits.ts'
export * from './ledger/validators.ts'
export * from './ledger/sign-bytes.ts'
export * from './ledger/header.ts'
export * from './ledger/certificate.ts'
export * from './ledger/public-key.ts'
export * from './ledger/cose.ts'
export * from './ledger/identity.ts'
export * from './ledger/genesis.ts'
export * from './ledger/statement.ts'
export {
  makeRotation,
  rotationProofBytes,
  verifyRotationProof,
  type RotationStatement
} from './ledger/rotation.ts'
export {
  streamBindingCodec,
  type StreamBinding,
  type StreamStatement
} from './ledger/stream-statement.ts'
export * from './ledger/justification.ts'
export {
  contradiction,
  verifyEvidence,
  type Culprit,
  type Evidence,
  type EvidenceContent,
  type EvidencePlace,
  type SignedVote,
  type VoteOf
} from './ledger/evidence.ts'
export { evidenceFormat } from './ledger/evidence-format.ts'
export * from './ledger/transaction.ts'
export * from './ledger/block.ts'
export * from './ledger/anchor.ts'
export * from './ledger/receipt.ts'
export {
  receiptFromJson,
  receiptToJson,
  RECEIPT_JSON_CHARACTERS_MAX,
  type Json,
  type JsonRecord
} from './ledger/receipt-json.ts'
export * from './ledger/lane-record.ts'
export * from './ledger/state-proof-document.ts'
export * from './ledger/completeness.ts'
export * from './ledger/pages.ts'
export {
  checkpointBody,
  checkpointOrigin,
  parseCheckpointBody,
  type Checkpoint
} from './checkpoint/checkpoint.ts'
export * from './checkpoint/share.ts'
export * from './checkpoint/checkpoint-note.ts'
export { NOTE_CHARACTERS_MAX } from './checkpoint/signed-note.ts'
export * from './checkpoint/tlog-proof.ts'
export * from './checkpoint/cose-receipt.ts'
export * from './payload/reading.ts'
export * from './payload/senml.ts'
export * from './payload/epoch-key.ts'
export * from './payload/seal.ts'
export * from './payload/time-jumps.ts'
export * from './payload/samples.ts'
export * from './payload/wrapped-keys.ts'
export * from './device/session.ts'
export * from './device/greeting.ts'
export * from './device/messages.ts'
export * from './device/time.ts'
export * from './device/claim.ts'
export * from './device/enrolment.ts'
