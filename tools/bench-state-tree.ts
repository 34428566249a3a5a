/* oxlint-disable no-console -- what it prints is what it is for */
import { hash } from 'node:crypto'
import { parseArgs } from 'node:util'
import {
  pureCryptoBackend,
  updateStateTree,
  useCryptoBackend,
  type NodeStore,
  type StateChange
} from '@vitalchain/core'

// What a write to the state tree costs as the tree grows: time, hashes, records read and written.
//
//   npx node --conditions=@vitalchain/source tools/bench-state-tree.ts [--pure]
//
// --pure measures the hash that runs anywhere instead of that of node:crypto.

const { values } = parseArgs({ options: { pure: { type: 'boolean', default: false } } })

/** Through a string, which node:crypto returns three times faster than a buffer. */
function nativeSha256(bytes: Uint8Array): Uint8Array {
  const digest = hash('sha256', bytes, 'binary')
  const result = new Uint8Array(digest.length)
  for (let at = 0; at < digest.length; at += 1) result[at] = digest.charCodeAt(at)
  return result
}

let hashes = 0
const sha256 = values.pure ? (bytes: Uint8Array) => pureCryptoBackend.sha256(bytes) : nativeSha256
useCryptoBackend({
  ...pureCryptoBackend,
  sha256: bytes => {
    hashes += 1
    return sha256(bytes)
  }
})

// A store in memory that, as one on a disk does, keeps copies and hands out copies: millions of small
// buffers would measure the garbage collector. Records are at most 130 bytes; each gets a slot.
const SLOT_BYTES = 131
const SLOTS_PER_SLAB = 65_536
const slabs: Uint8Array[] = []
const slots = new Map<string, number>()
const freeSlots: number[] = []
let slotCount = 0
let reads = 0
let writes = 0

/** The bytes of a slot: the length of its record, and the record. */
function slotBytes(slot: number): Uint8Array {
  const slab = (slabs[Math.floor(slot / SLOTS_PER_SLAB)] ??= new Uint8Array(
    SLOT_BYTES * SLOTS_PER_SLAB
  ))
  const start = (slot % SLOTS_PER_SLAB) * SLOT_BYTES
  return slab.subarray(start, start + SLOT_BYTES)
}

const store: NodeStore = {
  get: position => {
    reads += 1
    const slot = slots.get(position)
    if (slot === undefined) return undefined
    const bytes = slotBytes(slot)
    return bytes.slice(1, 1 + (bytes[0] ?? 0))
  }
}

function keep(position: string, record: Uint8Array | undefined): void {
  let slot = slots.get(position)
  if (record === undefined) {
    if (slot !== undefined) freeSlots.push(slot)
    slots.delete(position)
    return
  }
  if (slot === undefined) {
    slot = freeSlots.pop() ?? slotCount++
    slots.set(position, slot)
  }
  const bytes = slotBytes(slot)
  bytes[0] = record.length
  bytes.set(record, 1)
}

function apply(changes: readonly StateChange[]): void {
  const update = updateStateTree(store, changes)
  writes += update.writes.size
  for (const [position, record] of update.writes) keep(position, record)
}

let next = 0
function newEntries(count: number): StateChange[] {
  return Array.from({ length: count }, () => {
    next += 1
    return [new TextEncoder().encode(`device/${next}/head`), new Uint8Array(64).fill(next)] as const
  })
}

/** Makes `count` writes in batches, and prints what one of them cost. */
function measure(size: number, name: string, count: number, batch: number): void {
  const batches = Array.from({ length: count / batch }, () => newEntries(batch))
  hashes = 0
  reads = 0
  writes = 0
  const start = performance.now()
  for (const changes of batches) apply(changes)
  const microseconds = (1000 * (performance.now() - start)) / count
  const columns = [
    size,
    name,
    microseconds.toFixed(1),
    hashes / count,
    reads / count,
    writes / count
  ]
  console.log(
    columns.map(column => (typeof column === 'number' ? +column.toFixed(1) : column)).join('\t')
  )
}

console.log(
  `SHA-256: ${values.pure ? 'pure' : 'node:crypto'}. Each line: cost of one inserted key.`
)
console.log(['keys', 'inserted', 'µs', 'hashes', 'reads', 'records'].join('\t'))
for (const size of [1000, 10_000, 100_000, 1_000_000]) {
  const start = performance.now()
  let filled = 0
  while (next < size) {
    const count = Math.min(100, size - next)
    apply(newEntries(count))
    filled += count
  }
  const seconds = (performance.now() - start) / 1000
  measure(size, 'by 1', 1000, 1)
  measure(size, 'by 100', 10_000, 100)
  console.log(
    `\t(filled with ${filled} keys by 100 in ${seconds.toFixed(1)} s, ${slots.size} records)`
  )
}
