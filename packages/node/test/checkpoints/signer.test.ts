import { readFile, rm, writeFile } from 'node:fs/promises'
import { verifyCheckpointShare } from '@vitalchain/core'
import t, { type Test } from 'tap'
import {
  checkpointRecordOf,
  openCheckpointSigner,
  type CheckpointRequest
} from '../../src/checkpoints/signer.ts'
import { checkpointSigner, NETWORK, rootOf, shareOf, validator } from './history.ts'

const KEY = checkpointSigner(0)

function request(size: number, name = '', time = 1_000): CheckpointRequest {
  return {
    checkpoint: { network: NETWORK, size, root: rootOf(size, name) },
    member: validator(0).member,
    time,
    rootAt: at => rootOf(at, name)
  }
}

async function open(t: Test, dataDir: string | undefined): ReturnType<typeof openCheckpointSigner> {
  const signer = await openCheckpointSigner(KEY, dataDir)
  t.teardown(() => signer.close())
  return signer
}

t.test(
  'larger trees of one history are signed, and the same one again with the same bytes',
  async t => {
    const signer = await open(t, undefined)
    const first = await signer.sign(request(3))
    verifyCheckpointShare(first, signer.publicKey)
    t.same(await signer.sign(request(3, '', 2_000)), first, 'another time changes nothing')
    const second = await signer.sign(request(8))
    t.equal(signer.last, second)
  }
)

t.test('no smaller tree, no other root of one size and no other history is signed', async t => {
  const signer = await open(t, undefined)
  await signer.sign(request(5))
  for (const wrong of [
    request(4),
    request(5, 'other'),
    request(6, 'other'),
    { ...request(6), checkpoint: { ...request(6).checkpoint, root: rootOf(6, 'other') } },
    { ...request(6), checkpoint: { ...request(6).checkpoint, network: rootOf(1) } }
  ])
    await t.rejects(signer.sign(wrong), { code: 'ERR_CHECKPOINT_REFUSED' })
  t.equal(signer.last?.size, 5)
  await t.rejects((await open(t, undefined)).sign(request(0)), { code: 'ERR_CHECKPOINT_REFUSED' })
})

t.test('what is asked at once is signed in turn: of two histories one is refused', async t => {
  const signer = await open(t, undefined)
  const both = await Promise.allSettled([signer.sign(request(5)), signer.sign(request(6, 'other'))])
  t.same(
    both.map(({ status }) => status),
    ['fulfilled', 'rejected']
  )
})

t.test('after a restart the key goes on where it was, whatever its node believes', async t => {
  const dir = t.testdir({ votes: {} })
  const before = await openCheckpointSigner(KEY, dir)
  t.equal(before.status, 'absent')
  const share = await before.sign(request(5))
  await before.close()

  const after = await open(t, dir)
  t.equal(after.status, 'whole')
  t.same(after.last, share)
  t.same(await after.sign(request(5, '', 9_000)), share)
  await t.rejects(after.sign(request(6, 'other')), { code: 'ERR_CHECKPOINT_REFUSED' })
  await t.rejects(after.sign(request(4)), { code: 'ERR_CHECKPOINT_REFUSED' })
})

t.test('a share is on the disk before it is given out', async t => {
  const dir = t.testdir({ votes: {} })
  const signer = await open(t, dir)
  await signer.sign(request(5))
  for (const size of [6, 7, 8]) {
    const { cosignature } = await signer.sign(request(size))
    const file = await readFile(checkpointRecordOf(dir, signer.publicKey))
    t.ok(file.includes(Buffer.from(cosignature)))
  }
})

t.test(
  'a record that is damaged or lost is begun anew, from the newest share that others know',
  async t => {
    const dir = t.testdir({ votes: {} })
    const before = await openCheckpointSigner(KEY, dir)
    await before.sign(request(5))
    await before.close()
    const file = checkpointRecordOf(dir, before.publicKey)
    await writeFile(file, new Uint8Array(100))
    const damaged = await openCheckpointSigner(KEY, dir)
    t.equal(damaged.status, 'damaged')
    t.equal(damaged.last, undefined)
    await damaged.recall(await shareOf(0, 5))
    await t.rejects(damaged.sign(request(4)), { code: 'ERR_CHECKPOINT_REFUSED' })
    await t.rejects(damaged.sign(request(6, 'other')), { code: 'ERR_CHECKPOINT_REFUSED' })
    await damaged.recall(await shareOf(0, 2))
    t.equal(damaged.last?.size, 5, 'an older share takes nothing back')
    await damaged.sign(request(6))
    await damaged.close()

    const again = await openCheckpointSigner(KEY, dir)
    t.equal(again.last?.size, 6)
    await again.close()
    await rm(file)
    t.equal((await open(t, dir)).status, 'absent')
  }
)
