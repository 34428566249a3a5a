import t from 'tap'
import type { Test } from 'tap'
import {
  callFormat,
  callTransaction,
  concatBytes,
  encodeCbor,
  equalBytes,
  memberId,
  sha256,
  signCose,
  statementFormat,
  statementTransaction,
  toHex,
  transactionBody
} from '@vitalchain/core'
import { getLane } from '@vitalchain/contracts'
import { unitFormat } from '../../src/pool/unit.ts'
import { TestDevice, testNetwork, testSigner } from '../ledger/fixture.ts'
import {
  bearer,
  commit,
  deviceToken,
  openSession,
  post,
  startService,
  unitOf,
  type Service
} from './service.ts'

/** What must stay as it is when a transaction is refused. */
function standing({ members }: Service): unknown {
  return members.map(({ node }) => {
    const { height, head, stateRoot, transactions, waiting } = node.status()
    return { height, head, stateRoot, transactions, waiting }
  })
}

function flipLast(bytes: Uint8Array): Uint8Array {
  const flipped = Uint8Array.from(bytes)
  flipped[flipped.length - 1]! ^= 1
  return flipped
}

/** The same array with its length in two bytes: what a decoder that is not strict would take for the same. */
function withLongHead(cbor: Uint8Array): Uint8Array {
  return concatBytes([Uint8Array.of(0x98, cbor[0]! & 0x1f), cbor.subarray(1)])
}

/** Posts to every node; each must refuse with this code and stay as it was. */
async function refusedByAll(
  t: Test,
  service: Service,
  body: Uint8Array,
  [status, code]: readonly [number, string]
): Promise<void> {
  const before = standing(service)
  for (const { api } of service.members) {
    const answer = await post(api, body)
    t.equal(answer.type, 'application/problem+json')
    t.match(answer.json(), {
      type: `/errors#${code}`,
      title: String,
      detail: String,
      status,
      code,
      retryable: false
    })
    t.equal(answer.status, status)
    t.notMatch(new TextDecoder().decode(answer.bytes), /stack|node_modules|\.ts/)
  }
  t.same(standing(service), before, 'every node stands where it stood')
}

t.test('a transaction handed over by HTTP', async t => {
  const service = await startService(t)
  const { api, node } = service.first
  const device = await service.device('a monitor')
  const committed = await device.read()
  const id = await commit(service, committed)
  const unit = unitOf(committed)

  await t.test('is committed on every node, with its payload', async t => {
    for (const each of service.members) {
      t.not(each.node.ledger.findTransaction(id), undefined)
      t.same(each.node.ledger.getPayload(committed.digest), committed.payload)
    }
  })

  await t.test('is accepted again while it waits, with the same identity', async t => {
    // Two places ahead of its predecessor: it is held until that comes.
    const [next, ahead] = [await device.read(), await device.read()]
    for (const time of ['first', 'second']) {
      const answer = await post(api, unitFormat.encode(unitOf(ahead)))
      t.equal(answer.status, 202, time)
      t.same(answer.json(), { id: toHex(ahead.candidate.transaction.id), status: 'accepted' })
    }
    await commit(service, next)
    await node.committed(ahead.candidate.transaction.id)
    await Promise.all(
      service.members.map(each => each.node.committed(ahead.candidate.transaction.id))
    )
  })

  const lane = getLane(node.state, device.id, 0)!
  const following = { boot: lane.boot, seq: lane.seq + 1, previous: lane.head }
  const refuse = (
    name: string,
    body: () => Promise<Uint8Array>,
    ...[status, code]: [number, string]
  ): Promise<unknown> =>
    t.test(`is refused with ${code}: ${name}`, async t =>
      refusedByAll(t, service, await body(), [status, code])
    )

  await refuse(
    'a device that nobody registered',
    async () => {
      const stranger = await service.device('a stranger', { register: false })
      return unitFormat.encode(unitOf(await stranger.read()))
    },
    403,
    'ERR_DEVICE_UNKNOWN'
  )

  await refuse(
    'a device that was revoked',
    async () => {
      const stolen = await service.device('a stolen monitor')
      await node.revokeDevice(stolen.id)
      const revoked = node.status().height
      for (const each of service.members) {
        for await (const event of each.node.events({ from: '0.0' }))
          if (event.height >= revoked) break
      }
      return unitFormat.encode(unitOf(await stolen.read()))
    },
    403,
    'ERR_DEVICE_REVOKED'
  )

  await refuse(
    'a signature with one bit flipped',
    async () => {
      const { candidate, payload } = await device.sign(following)
      return unitFormat.encode({ transaction: flipLast(candidate.bytes), payload })
    },
    403,
    'ERR_SIGNATURE'
  )

  await refuse(
    "another key in the device's name",
    async () => {
      const { statement, payload } = await device.sign(following)
      const cose = await signCose(testSigner('a forger'), statementFormat.encode(statement))
      return unitFormat.encode({ transaction: statementTransaction(cose), payload })
    },
    403,
    'ERR_DEVICE_KEY'
  )

  await refuse('a replay', async () => unitFormat.encode(unit), 409, 'ERR_ALREADY_COMMITTED')

  await refuse(
    'a replay with another signature',
    async () => unitFormat.encode({ ...unit, transaction: flipLast(unit.transaction) }),
    409,
    'ERR_ALREADY_COMMITTED'
  )

  await refuse(
    'a replay with another count, not signed again',
    async () => {
      const { statement } = committed
      const altered = statementFormat.encode({ ...statement, count: statement.count + 1 })
      const encoded = statementFormat.encode(statement)
      const cose = transactionBody(unit.transaction)
      const at = Buffer.from(cose).indexOf(encoded)
      const forged = concatBytes([
        cose.subarray(0, at),
        altered,
        cose.subarray(at + encoded.length)
      ])
      return unitFormat.encode({ ...unit, transaction: statementTransaction(forged) })
    },
    403,
    'ERR_SIGNATURE'
  )

  await refuse(
    'another network',
    async () => {
      const elsewhere = new TestDevice(
        { ...testNetwork(), id: sha256(Uint8Array.of(1)) },
        'a monitor'
      )
      return unitFormat.encode(unitOf(await elsewhere.read()))
    },
    422,
    'ERR_OTHER_NETWORK'
  )

  await refuse(
    'a place that is skipped',
    async () =>
      unitFormat.encode(unitOf(await device.sign({ ...following, seq: following.seq + 1 }))),
    409,
    'ERR_PLACE_SKIPPED'
  )

  await refuse(
    'a place that is taken',
    async () => {
      const { statement } = committed
      const { network, device: of, lane: laneOf, boot, seq, previous } = statement
      const gap = statementFormat.encode({
        type: 'gap',
        network,
        device: of,
        lane: laneOf,
        boot,
        seq,
        previous,
        last: { boot, seq },
        lastDropped: statementFormat.encode(statement),
        count: 1,
        reason: 1,
        time: 0
      })
      const cose = await signCose(testSigner('a monitor'), gap)
      return unitFormat.encode({ transaction: statementTransaction(cose), payload: undefined })
    },
    409,
    'ERR_PLACE_TAKEN'
  )

  await refuse(
    'a retention class that the genesis lacks',
    async () => unitFormat.encode(unitOf(await device.sign({ ...following, retention: 9 }))),
    422,
    'ERR_RETENTION'
  )

  await refuse(
    'no payload',
    async () => unitFormat.encode({ ...unitOf(await device.sign(following)), payload: undefined }),
    400,
    'ERR_PAYLOAD_MISSING'
  )

  await refuse(
    'another payload',
    async () =>
      unitFormat.encode({ ...unitOf(await device.sign(following)), payload: Uint8Array.of(1) }),
    400,
    'ERR_PAYLOAD_DIGEST'
  )

  await refuse(
    'a call of somebody without an account',
    async () => {
      const signer = testSigner('nobody')
      const author = memberId(signer.publicKey)
      const previous = new Uint8Array(32)
      const args = Uint8Array.of(0x80)
      const call = { network: node.network, author, previous, method: 'devices.register', args }
      const cose = await signCose(signer, callFormat.encode(call))
      return unitFormat.encode({ transaction: callTransaction(cose), payload: undefined })
    },
    403,
    'ERR_AUTHOR_UNKNOWN'
  )

  await refuse(
    'a call with a payload',
    async () => {
      const signer = testSigner('nobody')
      const author = memberId(signer.publicKey)
      const previous = new Uint8Array(32)
      const args = Uint8Array.of(0x80)
      const call = { network: node.network, author, previous, method: 'devices.register', args }
      const cose = await signCose(signer, callFormat.encode(call))
      return unitFormat.encode({ transaction: callTransaction(cose), payload: Uint8Array.of(1) })
    },
    400,
    'ERR_PAYLOAD_UNEXPECTED'
  )

  await refuse(
    'a unit that is not deterministic CBOR',
    async () => withLongHead(unitFormat.encode(unitOf(await device.sign(following)))),
    400,
    'ERR_NOT_CANONICAL'
  )

  await refuse(
    'a transaction that is not deterministic CBOR',
    async () => {
      const { candidate, payload } = await device.sign(following)
      return unitFormat.encode({ transaction: withLongHead(candidate.bytes), payload })
    },
    400,
    'ERR_NOT_CANONICAL'
  )

  await refuse('bytes that are no CBOR', async () => Uint8Array.of(0xff, 0xff), 400, 'ERR_ENCODING')

  await refuse('an array of another form', async () => encodeCbor([1, 2, 3]), 400, 'ERR_SCHEMA')

  await refuse(
    'a transaction above the limit of a transaction',
    async () => encodeCbor([new Uint8Array(65_536), null]),
    400,
    'ERR_SCHEMA'
  )

  await refuse(
    'a body above the limit',
    async () => new Uint8Array(unitFormat.bytesMax + 1),
    413,
    'ERR_TOO_LARGE'
  )

  await t.test('is taken at its right place after all that was refused', async t => {
    const next = await device.sign(following)
    t.ok(await commit(service, next))
    t.ok(equalBytes(getLane(node.state, device.id, 0)!.head, next.candidate.transaction.id))
  })

  await t.test('that is committed links to its receipt, for those who may read that', async t => {
    const other = await service.device('another monitor')
    const linked = async (headers: Record<string, string>): Promise<unknown> => {
      const answer = await post(api, unitFormat.encode(unit), headers)
      t.equal(answer.json()['code'], 'ERR_ALREADY_COMMITTED')
      return answer.headers['link']
    }
    const link = `</v1/receipts/${toHex(id)}>; rel="related"; type="application/cbor"`
    t.equal(await linked({}), undefined)
    t.equal(await linked(bearer('wrong-token-wrong-token-wrong-token')), undefined)
    t.equal(
      await linked(bearer(await deviceToken(service.first, other, 'another monitor'))),
      undefined
    )
    t.equal(await linked(bearer(await deviceToken(service.first, device, 'a monitor'))), link)
    t.equal(await linked(bearer()), link)
  })

  await t.test(
    'that contradicts a committed one closes the lane of its device on every node',
    async t => {
      const liar = await service.device('a cloned monitor')
      await commit(service, await liar.sign())
      const answer = await post(api, unitFormat.encode(unitOf(await liar.sign({ count: 5 }))))
      t.equal(answer.status, 409)
      t.equal(answer.json()['code'], 'ERR_STATEMENT_CONFLICT')
      await Promise.all(
        service.members.map(async each => {
          for await (const { transaction } of each.node.events({ from: '0.0' }))
            if (transaction.type === 'conflict') return
        })
      )
      const head = getLane(node.state, liar.id, 0)!.head
      const next = unitOf(await liar.sign({ seq: 1, previous: head }))
      await refusedByAll(t, service, unitFormat.encode(next), [409, 'ERR_CHAIN_QUARANTINED'])
      t.equal(
        (await openSession(service.first, liar, testSigner('a cloned monitor'))).status,
        201,
        'it may still read what it wrote'
      )
    }
  )

  await t.test('leaves nothing in the log that is a secret', async t => {
    t.notMatch(service.logged.join('\n'), /operator-token|Bearer/)
  })
})
