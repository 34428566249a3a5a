import { concatBytes, equalBytes, toHex } from '../../src/bytes.ts'
import { signEd25519 } from '../../src/crypto/ed25519.ts'
import {
  decodeCbor,
  encodeCbor,
  tagSign1,
  untagSign1,
  type CborValue
} from '../../src/encoding/cbor.ts'
import { isVitalchainError } from '../../src/errors.ts'
import type { HandOver, Pin } from '../../src/ledger/anchor.ts'
import type { Certificate } from '../../src/ledger/certificate.ts'
import { blockHash, type Header } from '../../src/ledger/header.ts'
import {
  createReceiptVerifier,
  receiptFormat,
  type Proven,
  type Receipt
} from '../../src/ledger/receipt.ts'
import { voteSignBytes } from '../../src/ledger/sign-bytes.ts'
import { hashValidatorSet } from '../../src/ledger/validators.ts'
import { leafHash, nodeHash } from '../../src/merkle/history.ts'
import { isItems, itemsOf, replaced } from './fields.ts'
import {
  certify,
  FOUNDERS,
  movingLedger,
  plainLedger,
  seed,
  type SmallLedger
} from './small-ledger.ts'

/** What came of a run. */
export interface FuzzReport {
  readonly tried: number
  /** How many were refused, by code. */
  readonly refused: ReadonlyMap<string, number>
  /** Mutants, by kind of mutation. */
  readonly kinds: ReadonlyMap<string, number>
  /** Mutants that came out as a receipt that the ledger itself gives: they are valid rightly. */
  readonly genuine: number
  /** What must not be: a crash, or a receipt accepted that the ledger never gave. */
  readonly faults: readonly string[]
}

/** Verifies a receipt for one trust. */
export type MakeVerifier = (trust: {
  readonly genesis: Uint8Array
  readonly pin?: Pin
}) => (encoded: Uint8Array) => Proven

/** Faults after which a run ends. */
const FAULTS_MAX = 10

/** A generator that gives the same numbers for the same seed (sfc32, by Chris Doty-Humphrey). */
class Random {
  #a: number
  #b = 0x9e37_79b9
  #c = 0x243f_6a88
  #count = 1

  constructor(seed: number) {
    this.#a = seed | 0
    for (let k = 0; k < 12; k++) this.next()
  }

  next(): number {
    const sum = (this.#a + this.#b + this.#count) | 0
    this.#count = (this.#count + 1) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0
    return sum >>> 0
  }

  /** A number from 0 to below `count`. */
  below(count: number): number {
    return this.next() % count
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!
  }
}

interface Known {
  readonly ledger: SmallLedger
  readonly receipt: Receipt
  readonly encoded: Uint8Array
}

/** Keys that the attacker has: too few of any set, retired ones among them. */
const ATTACKER = ['Aachen consensus', 'Berlin consensus', 'M1 consensus', 'M2 consensus'].map(seed)

/** Sizes, heights and indices at the edges of what a number may be. */
const NUMBERS = [0, 1, 2, 23, 24, 255, 256, 65_535, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1, -1]

/**
 * Verifies `count` mutants of valid receipts. None may be accepted unless it is, byte for byte, a receipt that the
 * ledger gives for what it proves; all others must be refused with a code.
 */
export async function fuzzReceipts(options: {
  readonly seed: number
  readonly count: number
  /** Replaced only to show that this fuzzer finds a verifier's fault. */
  readonly makeVerifier?: MakeVerifier
}): Promise<FuzzReport> {
  const { makeVerifier = createReceiptVerifier } = options
  const random = new Random(options.seed)
  const ledgers = [await plainLedger(), await movingLedger()]
  const known = ledgers.flatMap(receiptsOf)
  const verifiers = ledgers.map(ledger => [
    makeVerifier({ genesis: ledger.network }),
    ...[2, 4].map(height => makeVerifier({ genesis: ledger.network, pin: ledger.pin(height) })),
    makeVerifier({ genesis: ledger.network, pin: ledger.pin(3, { validators: true }) })
  ])
  const refused = new Map<string, number>()
  const kinds = new Map<string, number>()
  const faults: string[] = []
  let [tried, genuine] = [0, 0]
  while (tried < options.count && faults.length < FAULTS_MAX) {
    tried += 1
    const base = random.pick(known)
    const kind = random.pick(MUTATIONS)
    const mutant = MUTATE[kind](random, base, known)
    if (mutant === undefined || equalBytes(mutant, base.encoded)) {
      tried -= 1
      continue
    }
    count(kinds, kind)
    const [unpinned, ...pinned] = verifiers[ledgers.indexOf(base.ledger)]!
    const verify = random.below(2) === 0 ? unpinned! : random.pick(pinned)
    try {
      const proven = verify(mutant)
      if (isGenuine(mutant, proven, base.ledger)) genuine += 1
      else faults.push(`seed ${options.seed}, mutant ${tried}, ${kind}: accepted ${toHex(mutant)}`)
    } catch (error) {
      if (isVitalchainError(error)) count(refused, error.code)
      else
        faults.push(
          `seed ${options.seed}, mutant ${tried}, ${kind}: ${String(error)} for ${toHex(mutant)}`
        )
    }
  }
  return { tried, refused, kinds, genuine, faults }
}

function count(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1)
}

/** Receipts of every transaction against some headers, with and without consistency. */
function receiptsOf(ledger: SmallLedger): Known[] {
  return ledger.transactions.flatMap((_, index) =>
    ledger.blocks.flatMap(({ block: { header } }): Known[] => {
      const { size } = header.history
      if (index >= size) return []
      return [undefined, Math.ceil(size / 2), size].map(pinSize => {
        const receipt = ledger.receipt(index, header.height, pinSize)
        return { ledger, receipt, encoded: receiptFormat.encode(receipt) }
      })
    })
  )
}

/** Whether the ledger itself gives these bytes as proof of what they were taken to prove. */
function isGenuine(mutant: Uint8Array, { index, header }: Proven, ledger: SmallLedger): boolean {
  const pinSize = receiptFormat.decode(mutant).consistency?.size
  if (ledger.blocks[header.height - 1] === undefined || index >= header.history.size) return false
  return equalBytes(mutant, ledger.encodedReceipt(index, header.height, pinSize))
}

type Mutate = (random: Random, base: Known, known: readonly Known[]) => Uint8Array | undefined

const MUTATE = {
  'bits turned': flipBits,
  'bytes changed': changeBytes,
  'cut or lengthened': changeLength,
  'a head in another form': lengthenHead,
  'a CBOR item changed': changeItem,
  'an item inside a byte string changed': changeInside,
  'fields of another receipt': splice,
  'hashes recomputed': rehash,
  'signed again with the keys of too few': resign,
  'another transaction, certified by a dishonest quorum': certifyOther
} as const satisfies Readonly<Record<string, Mutate>>

const MUTATIONS = Object.keys(MUTATE) as readonly (keyof typeof MUTATE)[]

function flipBits(random: Random, { encoded }: Known): Uint8Array {
  const mutant = Uint8Array.from(encoded)
  for (let k = 0; k <= random.below(4); k++) {
    const at = random.below(mutant.length)
    mutant[at] = mutant[at]! ^ (1 << random.below(8))
  }
  return mutant
}

function changeBytes(random: Random, { encoded }: Known): Uint8Array {
  let mutant = encoded
  for (let k = 0; k <= random.below(3); k++) {
    const at = random.below(mutant.length)
    const length = 1 + random.below(random.pick([1, 4, 64]))
    const from = random.below(mutant.length)
    const put = random.pick([
      new Uint8Array(0),
      Uint8Array.from({ length }, () => random.below(256)),
      mutant.subarray(from, from + length)
    ])
    const remove = random.pick([0, put.length, length])
    mutant = concatBytes([mutant.subarray(0, at), put, mutant.subarray(at + remove)])
  }
  return mutant
}

function changeLength(random: Random, { encoded }: Known): Uint8Array {
  if (random.below(2) === 0) return encoded.subarray(0, random.below(encoded.length))
  const more = Uint8Array.from({ length: 1 + random.below(40) }, () => random.below(256))
  return random.below(4) === 0 ? concatBytes([more, encoded]) : concatBytes([encoded, more])
}

/** Some byte, taken for a head, in its next longer form; where it is none, that is one more kind of damage. */
function lengthenHead(random: Random, { encoded }: Known): Uint8Array {
  const at = random.below(2) === 0 ? random.below(12) : random.below(encoded.length)
  const head = encoded[at]!
  const info = head & 0x1f
  const longer = info < 24 ? [(head & 0xe0) | 24, info] : [head + 1, 0]
  return concatBytes([encoded.subarray(0, at), Uint8Array.from(longer), encoded.subarray(at + 1)])
}

function documentOf(encoded: Uint8Array): CborValue {
  return decodeCbor(encoded, receiptFormat.bytesMax)
}

/** A way to some item of a value. */
function randomWay(random: Random, value: CborValue): readonly number[] {
  const way: number[] = []
  let at = value
  while (isItems(at) && at.length > 0 && (way.length === 0 || random.below(5) > 0)) {
    const step = random.below(at.length)
    way.push(step)
    at = at[step]!
  }
  return way
}

function itemAt(value: CborValue, way: readonly number[]): CborValue {
  return way.reduce<CborValue>((at, step) => itemsOf(at)[step]!, value)
}

/** Another item in the place of one, often of the same kind. */
function otherItem(random: Random, item: CborValue): CborValue {
  if (random.below(12) === 0)
    return random.pick<CborValue>([
      null,
      true,
      0,
      'text',
      new Uint8Array(32),
      [],
      new Map(),
      tagSign1([])
    ])
  if (typeof item === 'number') return random.pick([item + 1, item - 1, ...NUMBERS])
  if (item instanceof Uint8Array) {
    if (item.length === 0) return Uint8Array.of(random.below(256))
    return random.pick([
      item.with(random.below(item.length), random.below(256)),
      item.subarray(1),
      concatBytes([item, Uint8Array.of(0)]),
      new Uint8Array(item.length),
      item.toReversed(),
      seed(String(random.below(9)))
    ])
  }
  if (isItems(item)) {
    const at = random.below(item.length + 1)
    return random.pick([
      item.toSpliced(at, 1),
      item.toSpliced(at, 0, item[at] ?? null),
      item.toReversed(),
      item.slice(at)
    ])
  }
  return typeof item === 'string' ? `${item}x` : null
}

/** Another item that often passes for the one, as far as its form goes. */
function nearItem(random: Random, item: CborValue): CborValue {
  if (typeof item === 'number') return item === 0 ? 1 : item + random.pick([-1, 1])
  if (!(item instanceof Uint8Array) || item.length === 0) return otherItem(random, item)
  const at = random.below(item.length)
  return item.with(at, item[at]! ^ (1 << random.below(8)))
}

function changeItem(random: Random, { encoded }: Known): Uint8Array | undefined {
  let document = documentOf(encoded)
  for (let k = 0; k <= random.below(3); k++) {
    const way = randomWay(random, document)
    document = replaced(document, way, otherItem(random, itemAt(document, way)))
    if (!isItems(document)) break
  }
  return encodeSafely(document)
}

/** Nothing for what CBOR of ours cannot say, such as 2^53. */
function encodeSafely(value: CborValue): Uint8Array | undefined {
  try {
    return encodeCbor(value)
  } catch {
    return undefined
  }
}

/** Genesis, headers, transaction: the documents inside. */
function changeInside(random: Random, { encoded, receipt }: Known): Uint8Array | undefined {
  const document = documentOf(encoded)
  const ways = [[2], [4], [9], ...receipt.handOvers.map((_, k) => [3, k, 1])]
  const way = random.pick(ways)
  const inner = deepChange(random, itemAt(document, way) as Uint8Array, 3)
  return inner && encodeSafely(replaced(document, way, inner))
}

/** Changes an item of an encoded document, or of one inside it: a transaction holds a COSE_Sign1, that a statement. */
function deepChange(
  random: Random,
  encoded: Uint8Array,
  depth: number,
  other: typeof otherItem = otherItem
): Uint8Array | undefined {
  let value: CborValue
  try {
    value = documentOf(encoded)
  } catch {
    return undefined
  }
  const opened = untagSign1(value)
  const items = opened ?? value
  const way = randomWay(random, items)
  const item = itemAt(items, way)
  const inner =
    depth > 0 && item instanceof Uint8Array && random.below(3) > 0
      ? deepChange(random, item, depth - 1, other)
      : undefined
  const changed = replaced(items, way, inner ?? other(random, item))
  return encodeSafely(opened === undefined ? changed : tagSign1(changed))
}

/** Fields of a second receipt, of the same ledger or of another. */
function splice(random: Random, base: Known, known: readonly Known[]): Uint8Array {
  const other = random.pick(known).receipt
  const names = Object.keys(base.receipt) as readonly (keyof Receipt)[]
  let { receipt } = base
  for (let k = 0; k <= random.below(5); k++) {
    const name = random.pick(names)
    receipt = { ...receipt, [name]: other[name] }
  }
  return receiptFormat.encode(receipt)
}

/** A change that an attacker made fit: every hash is right, and no signature. */
function rehash(random: Random, base: Known): Uint8Array | undefined {
  const receipt = forge(random, base.receipt)
  return receipt && encodeReceipt(receipt)
}

/** The same, signed by the keys that an attacker has. */
function resign(random: Random, base: Known): Uint8Array | undefined {
  const forged = random.below(3) === 0 ? base.receipt : forge(random, base.receipt)
  if (forged === undefined) return undefined
  const sign = <H extends { readonly header: Header; readonly certificate: Certificate }>(
    at: H
  ): H => {
    const { network, recoveryEpoch } = at.header
    const { height, view, blockHash } = at.certificate
    const message = voteSignBytes(
      { network, recoveryEpoch, height, view },
      { type: 'commit', blockHash }
    )
    const signatures = at.certificate.signatures.map(signature =>
      random.below(3) === 0 ? signature : signEd25519(random.pick(ATTACKER), message)
    )
    return { ...at, certificate: { ...at.certificate, signatures } }
  }
  const handOvers = forged.handOvers.map(each => (random.below(2) === 0 ? sign(each) : each))
  return encodeReceipt({ ...sign(forged), handOvers })
}

/** A transaction that no device signed so, under a header that the founders did sign. */
function certifyOther(random: Random, { receipt }: Known): Uint8Array | undefined {
  const other = random.below(4) === 0 ? otherItem : nearItem
  const transaction = deepChange(random, receipt.transaction, 3, other)
  if (receipt.handOvers.length > 0 || transaction === undefined) return undefined
  // The true header with other true signatures under it would be valid, and rightly.
  if (equalBytes(transaction, receipt.transaction)) return undefined
  const root = rootOf(transaction, receipt)
  const header = { ...receipt.header, history: { ...receipt.header.history, root } }
  const certificate = certify(header, FOUNDERS)
  return encodeReceipt({ ...receipt, transaction, header, certificate, consistency: undefined })
}

function encodeReceipt(receipt: Receipt): Uint8Array | undefined {
  try {
    return receiptFormat.encode(receipt)
  } catch {
    return undefined
  }
}

/** Another transaction, header or validator set, with every hash that binds it made anew. */
function forge(random: Random, receipt: Receipt): Receipt | undefined {
  const { header, handOvers } = receipt
  switch (random.below(4)) {
    case 0: {
      const transaction = deepChange(random, receipt.transaction, 3)
      if (transaction === undefined || transaction.length === 0) return undefined
      const root = rootOf(transaction, receipt)
      return certified({ ...receipt, transaction }, { history: { ...header.history, root } })
    }
    case 1: {
      const name = random.pick(['time', 'height', 'transactionCount', 'originView'] as const)
      return certified(receipt, { [name]: header[name] + 1 })
    }
    case 2:
      return certified(receipt, {
        history: { ...header.history, size: header.history.size + random.pick([-1, 1]) }
      })
    default: {
      // A hand-over to the attacker's own validators, all the way down.
      const at = random.below(Math.max(handOvers.length, 1))
      const handOver = handOvers[at]
      if (handOver === undefined) return undefined
      const validators = handOver.validators.toReversed()
      const next = certified(handOver, { nextValidatorsHash: hashValidatorSet(validators) })
      const chain: readonly HandOver[] = handOvers.with(at, { ...next, validators })
      return certified(
        { ...receipt, handOvers: chain.slice(0, at + 1) },
        { validatorsHash: hashValidatorSet(validators) }
      )
    }
  }
}

/** With a changed header and the certificate naming it. */
function certified<H extends { readonly header: Header; readonly certificate: Certificate }>(
  of: H,
  changes: Partial<Header>
): H {
  const header = { ...of.header, ...changes }
  const certificate = { ...of.certificate, height: header.height, blockHash: blockHash(header) }
  return { ...of, header, certificate }
}

/** The root that a transaction and a path lead to (RFC 9162 section 2.1.3.2). */
function rootOf(transaction: Uint8Array, { index, path, header }: Receipt): Uint8Array {
  let [node, last, hash] = [index, header.history.size - 1, leafHash(transaction)]
  for (const sibling of path) {
    if (node % 2 === 1 || node === last) {
      hash = nodeHash(sibling, hash)
      while (node % 2 === 0 && node !== 0) [node, last] = [node >> 1, last >> 1]
    } else {
      hash = nodeHash(hash, sibling)
    }
    ;[node, last] = [node >> 1, last >> 1]
  }
  return hash
}
