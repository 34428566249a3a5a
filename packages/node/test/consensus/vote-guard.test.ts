import { blockHash } from '@vitalchain/core'
import {
  decodeVoteState,
  FIRST_LEADERSHIP,
  type PreparedBlock,
  type Unsigned,
  type VoteState
} from '@vitalchain/consensus'
import {
  buildBlock,
  createCheckedKeys,
  NETWORK,
  randomScenario,
  runScenario
} from '@vitalchain/consensus/simulator'
import t from 'tap'
import { guardVotes } from '../../src/consensus/vote-guard.ts'

const NO_HASH = new Uint8Array(32)
const SIGNATURE = new Uint8Array(64)
const context = {
  height: 5,
  parentHash: NETWORK,
  parentTime: 0,
  parentCertificate: undefined,
  validators: createCheckedKeys(4).validators,
  leadership: FIRST_LEADERSHIP
}
const block = buildBlock(context, { view: 0, proposer: 1, time: 1 }, [1])
const hash = blockHash(block.header)
const empty: VoteState = { height: 5, view: 0, sent: {}, prepared: undefined }

function prepare(view = 0, height = 5, wanted: Uint8Array = hash): Unsigned {
  return { type: 'prepare', height, view, sender: 0, blockHash: wanted }
}

function commit(view = 0): Unsigned {
  return { type: 'commit', height: 5, view, sender: 0, blockHash: hash }
}

function viewChange(view: number, preparedView = -1, preparedHash: Uint8Array = NO_HASH): Unsigned {
  const claim = { preparedView, preparedHash, prepared: undefined }
  return { type: 'view-change', height: 5, view, sender: 0, ...claim }
}

/** The block with the certificate that it was prepared in a view. */
function preparedIn(view: number): PreparedBlock {
  const place = { height: 5, view, blockHash: hash }
  return {
    block,
    certificate: { phase: 'prepare', ...place, signers: [0], signatures: [SIGNATURE] }
  }
}

/** What is durable after a PREPARE in view 0. */
const afterPrepare: VoteState = {
  ...empty,
  sent: {
    prepare: {
      type: 'prepare',
      height: 5,
      view: 0,
      sender: 0,
      blockHash: hash,
      signature: SIGNATURE
    }
  }
}

t.test('nothing is signed at or below what was signed, nor below the beginning', async t => {
  const code = { code: 'ERR_SIGN_TWICE' }
  t.throws(() => guardVotes(afterPrepare, 1, [prepare(0, 5, NO_HASH)], afterPrepare), code)
  t.throws(() => guardVotes(afterPrepare, 1, [prepare(9, 4)], { ...empty, height: 4 }), code)
  t.throws(() => guardVotes(undefined, 6, [prepare()], empty), code)
  t.throws(() => guardVotes(undefined, 1, [prepare(), prepare()], empty), code)
  t.doesNotThrow(() => guardVotes(undefined, 5, [prepare()], empty))
  t.doesNotThrow(() => guardVotes(afterPrepare, 1, [viewChange(1)], { ...empty, view: 1 }))
})

t.test('a vote must be of its record, which keeps what was signed in the view', async t => {
  const code = { code: 'ERR_SIGN_RULE' }
  t.throws(() => guardVotes(undefined, 1, [prepare(1)], empty), code)
  t.throws(() => guardVotes(undefined, 1, [], empty), code)
  t.throws(() => guardVotes(undefined, 1, [viewChange(1)], { ...afterPrepare, view: 1 }), code)
  const forgets = { ...empty, prepared: undefined }
  t.throws(() => guardVotes(afterPrepare, 1, [commit()], forgets), code)
})

t.test('a COMMIT needs the own PREPARE and the certificate; a view change names it', async t => {
  const code = { code: 'ERR_SIGN_RULE' }
  t.throws(() => guardVotes(afterPrepare, 1, [commit()], afterPrepare), code, 'no certificate')
  const proved: VoteState = { ...afterPrepare, prepared: preparedIn(0) }
  t.doesNotThrow(() => guardVotes(afterPrepare, 1, [commit()], proved))
  t.throws(() => guardVotes(empty, 1, [commit()], { ...proved, sent: {} }), code, 'not prepared')
  const lies = { ...empty, view: 1, prepared: preparedIn(0) }
  t.throws(() => guardVotes(proved, 1, [viewChange(1)], lies), code, 'hides it')
  t.doesNotThrow(() => guardVotes(proved, 1, [viewChange(1, 0, hash)], lies))
})

t.test('a prepared block is never given up, nor replaced by an older one', async t => {
  const code = { code: 'ERR_SIGN_RULE' }
  const held: VoteState = { ...empty, view: 3, prepared: preparedIn(2) }
  t.throws(() => guardVotes(held, 1, [viewChange(4)], { ...empty, view: 4 }), code)
  const older = { ...empty, view: 4, prepared: preparedIn(1) }
  t.throws(() => guardVotes(held, 1, [viewChange(4, 1, hash)], older), code)
  const newer = { ...empty, view: 4, prepared: preparedIn(3) }
  t.doesNotThrow(() => guardVotes(held, 1, [viewChange(4, 3, hash)], newer))
  const other = {
    ...preparedIn(3),
    block: buildBlock(context, { view: 0, proposer: 1, time: 2 }, [2])
  }
  const unproved = { ...newer, prepared: other }
  t.throws(() => guardVotes(held, 1, [viewChange(4, 3, hash)], unproved), code)
})

t.test('who proposes prepares its own block', async t => {
  const block = buildBlock(context, { view: 0, proposer: 0, time: 9 }, [7])
  const proposal: Unsigned = {
    type: 'proposal',
    height: 5,
    view: 0,
    sender: 0,
    block,
    justification: undefined
  }
  t.throws(() => guardVotes(undefined, 1, [proposal, prepare()], empty), { code: 'ERR_SIGN_RULE' })
  const own = prepare(0, 5, blockHash(block.header))
  t.doesNotThrow(() => guardVotes(undefined, 1, [proposal, own], empty))
})

t.test('it lets through whatever the replica asks for, in any disorder', async t => {
  let asked = 0
  for (let seed = 1; seed <= 12; seed += 1) {
    const outcome = runScenario(
      randomScenario(seed, {
        mutant: {
          name: 'guarded',
          rule: 'none: watches what is signed',
          within: 1,
          step: (step, state, input, host) => {
            const [after, effects] = step(state, input)
            for (const effect of effects) {
              if (effect.type !== 'sign') continue
              asked += 1
              const { voteState } = host.disk
              const last = voteState === undefined ? undefined : decodeVoteState(voteState)
              guardVotes(
                last,
                1,
                effect.votes.map(({ message }) => message),
                effect.record
              )
            }
            return [after, effects]
          }
        }
      })
    )
    t.equal(outcome.violation, undefined, `seed ${seed}`)
  }
  t.ok(asked > 1_000, `${asked} requests`)
})
