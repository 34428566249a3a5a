import t from 'tap'
import { toHex } from '../../src/bytes.ts'
import {
  readySignBytes,
  VOTE_TYPE,
  voteSignBytes,
  type VoteContent
} from '../../src/ledger/sign-bytes.ts'

const fill = (byte: number): Uint8Array => new Uint8Array(32).fill(byte)
const place = { network: fill(0xaa), recoveryEpoch: 1, height: 0x0102030405, view: 0xfffffffe }
// Written by hand from the specification, not by the code.
const AT = `${'aa'.repeat(32)}000000010000000102030405fffffffe`
const PREFIX = '76632d706266742f763100'

const golden: readonly (readonly [VoteContent, string])[] = [
  [
    { type: 'proposal', blockHash: fill(0xbb), justificationHash: fill(0xcc) },
    `01${AT}${'bb'.repeat(32)}${'cc'.repeat(32)}`
  ],
  [{ type: 'prepare', blockHash: fill(0xbb) }, `02${AT}${'bb'.repeat(32)}`],
  [{ type: 'commit', blockHash: fill(0xbb) }, `03${AT}${'bb'.repeat(32)}`],
  [
    { type: 'view-change', preparedView: -1, preparedHash: fill(0) },
    `04${AT}ffffffff${'00'.repeat(32)}`
  ],
  [
    { type: 'view-change', preparedView: 7, preparedHash: fill(0xbb) },
    `04${AT}00000007${'bb'.repeat(32)}`
  ],
  [
    { type: 'status', headHash: fill(0xbb), clock: 1_700_000_000_000 },
    `05${AT}${'bb'.repeat(32)}0000018bcfe56800`
  ],
  [{ type: 'ready', changeId: fill(0xbb) }, `06${AT}${'bb'.repeat(32)}`]
]

for (const [content, hex] of golden) {
  t.test(`the bytes under a ${content.type} are those of the specification`, async t => {
    t.equal(toHex(voteSignBytes(place, content)), PREFIX + hex)
  })
}

t.test('no two places and no two kinds share their bytes', async t => {
  const commit: VoteContent = { type: 'commit', blockHash: fill(0xbb) }
  const all = [
    ...golden.map(([content]) => voteSignBytes(place, content)),
    voteSignBytes({ ...place, network: fill(1) }, commit),
    voteSignBytes({ ...place, recoveryEpoch: 2 }, commit),
    voteSignBytes({ ...place, height: 1 }, commit),
    voteSignBytes({ ...place, view: 0 }, commit)
  ].map(toHex)
  t.equal(new Set(all).size, all.length)
  t.equal(new Set(Object.values(VOTE_TYPE)).size, 6)
})

t.test('a height beyond 32 bits keeps all its bits', async t => {
  const at = { ...place, height: Number.MAX_SAFE_INTEGER }
  t.match(
    toHex(voteSignBytes(at, { type: 'prepare', blockHash: fill(0) })),
    /00000001001fffffffffffff/
  )
})

t.test('READY is signed in view 0 of recovery epoch 0', async t => {
  t.equal(
    toHex(readySignBytes(fill(0xaa), fill(0xbb), 7)),
    `${PREFIX}06${'aa'.repeat(32)}00000000000000000000000700000000${'bb'.repeat(32)}`
  )
})
