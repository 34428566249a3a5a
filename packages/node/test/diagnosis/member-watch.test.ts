import type { StatusMessage } from '@vitalchain/consensus'
import type { ValidatorSet } from '@vitalchain/core'
import t from 'tap'
import { createMemberWatch, type MemberWatch } from '../../src/diagnosis/member-watch.ts'

const DAX = new Uint8Array(32).fill(4)
const VALIDATORS: ValidatorSet = [1, 2, 3, 4].map(byte => ({
  member: new Uint8Array(32).fill(byte),
  consensusKey: new Uint8Array(32).fill(byte),
  checkpointKey: new Uint8Array(32).fill(byte)
}))

/** A watch whose time stands still but for `pass`. */
function watched(): {
  watch: MemberWatch
  pass: (ms: number) => void
  say: (skew: number) => void
} {
  let time = 1_000_000
  const watch = createMemberWatch({ now: () => time, clock: () => time, leader: view => view % 4 })
  return {
    watch,
    pass(ms) {
      time += ms
    },
    say(skew) {
      const status: StatusMessage = {
        type: 'status',
        height: 7,
        headHash: new Uint8Array(32),
        view: 1,
        clock: time + skew,
        version: 1
      }
      watch.heard(DAX, status)
    }
  }
}

t.test('a clock that is ahead shows at once, one that is behind when it says so again', async t => {
  const ahead = watched()
  ahead.say(300_000)
  t.equal(ahead.watch.lastStatus(DAX)?.skewMs, 300_000)
  const behind = watched()
  behind.say(-300_000)
  t.equal(behind.watch.lastStatus(DAX)?.skewMs, undefined, 'the message may have been late')
  behind.pass(10_000)
  behind.say(-300_020)
  t.match(behind.watch.lastStatus(DAX), { skewMs: -300_000, height: 7, view: 1, heardMs: 0 })
})

t.test('a vote says more than the status before it', async t => {
  const { watch, say } = watched()
  const vote = {
    type: 'prepare',
    height: 12,
    view: 0,
    sender: 3,
    blockHash: new Uint8Array(32),
    signature: new Uint8Array(64)
  } as const
  watch.heard(DAX, vote)
  t.equal(watch.lastStatus(DAX), undefined, 'nothing is known of its version and clock')
  say(0)
  watch.heard(DAX, vote)
  t.match(watch.lastStatus(DAX), { height: 11, view: 0, version: 1 })
  watch.heard(DAX, { ...vote, height: 9, view: 4 })
  t.match(watch.lastStatus(DAX), { height: 11, view: 0 }, 'what is older changes nothing')
  watch.heard(DAX, { ...vote, view: 2 })
  t.match(watch.lastStatus(DAX), { height: 11, view: 2 })
})

t.test('messages that a cut line held up do not make a clock wrong', async t => {
  const { watch, say } = watched()
  // Sent 10 s apart, and all here at once.
  for (const late of [40_000, 30_000, 20_000]) say(-late)
  t.equal(watch.lastStatus(DAX)?.skewMs, undefined)
  say(-15)
  t.equal(watch.lastStatus(DAX)?.skewMs, -15)
})

t.test('who led a lost view is remembered for ten minutes', async t => {
  const { watch, pass } = watched()
  const view = { name: 'view', height: 8, leader: 0 } as const
  watch.event({ ...view, view: 4, cause: 'timeout' }, VALIDATORS)
  watch.linkUp(DAX)
  watch.linkDown(DAX)
  watch.event({ ...view, view: 4, cause: 'timeout' }, VALIDATORS)
  t.match(watch.conduct(DAX), { lostViews: 0 }, 'who is away is not slow')
  watch.linkUp(DAX)
  for (let k = 0; k < 3; k++) watch.event({ ...view, view: 4, cause: 'timeout' }, VALIDATORS)
  watch.event({ ...view, view: 4, cause: 'behind' }, VALIDATORS)
  watch.event(
    { name: 'invalid-block', height: 8, view: 3, leader: 3, code: 'ERR_BLOCK_STATE' },
    VALIDATORS
  )
  t.same(watch.conduct(DAX), { invalidBlocks: 1, invalidCode: 'ERR_BLOCK_STATE', lostViews: 3 })
  pass(11 * 60_000)
  t.match(watch.conduct(DAX), { invalidBlocks: 0, lostViews: 0 })
})

t.test('what is noted is bounded, and forgotten with the member', async t => {
  const { watch, say } = watched()
  watch.linkUp(DAX)
  for (let k = 0; k < 1_000; k++)
    watch.event({ name: 'view', height: 8, view: 4, leader: 0, cause: 'timeout' }, VALIDATORS)
  t.equal(watch.conduct(DAX).lostViews, 64)
  say(0)
  watch.keep([])
  t.equal(watch.lastStatus(DAX), undefined)
  t.equal(watch.conduct(DAX).lostViews, 0)
})

t.test('why a node without its votes does not vote is told until it votes again', async t => {
  const { watch } = watched()
  const waits = { name: 'waits-for-answers', height: 8, needed: 3, answered: [1] } as const
  watch.event({ ...waits, withoutVotes: [2], silent: [3] }, VALIDATORS)
  t.match(watch.votesWait, {
    why: 'answers',
    needed: 3,
    answered: { length: 1 },
    silent: { length: 2 }
  })
  watch.event({ name: 'observes-until', height: 12 }, VALIDATORS)
  t.same(watch.votesWait, { why: 'height', height: 12 })
  watch.event({ name: 'votes-again', height: 12, override: false }, VALIDATORS)
  t.equal(watch.votesWait, undefined)
})
