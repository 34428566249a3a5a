import t from 'tap'
import {
  correlation,
  newConnection,
  nodeTopics,
  NumberedMessages,
  parseCorrelation
} from '../../src/transports/mqtt-messages.ts'

const NETWORK = new Uint8Array(32).fill(0xab)
const NODE = new Uint8Array(32).fill(0xcd)
const DEVICE = new Uint8Array(32).fill(0xef)
const topics = nodeTopics(NETWORK, NODE)

t.test('the topics of a node name the network, the node and the device', async t => {
  const prefix = `vitalchain/${'ab'.repeat(8)}/${'cd'.repeat(32)}`
  t.equal(topics.request(DEVICE), `${prefix}/${'ef'.repeat(32)}/request`)
  t.equal(topics.answer(DEVICE), `${prefix}/${'ef'.repeat(32)}/answer`)
  t.equal(topics.requests, `${prefix}/+/request`)
  t.equal(topics.status, `${prefix}/status`)
})

t.test('a device is read from the topic of its requests and from no other', async t => {
  t.equal(topics.deviceOf(topics.request(DEVICE)), 'ef'.repeat(32))
  for (const topic of [
    topics.answer(DEVICE),
    topics.status,
    `${topics.request(DEVICE)}/more`,
    topics.request(DEVICE).toUpperCase(),
    topics.request(DEVICE.subarray(1)),
    nodeTopics(NETWORK, DEVICE).request(DEVICE)
  ])
    t.equal(topics.deviceOf(topic), undefined, topic)
})

t.test('correlation data comes back, and nothing else is taken for it', async t => {
  const connection = newConnection()
  t.same(parseCorrelation(correlation(connection, 0xffff_fffe)), {
    connection,
    number: 0xffff_fffe
  })
  for (const data of [undefined, new Uint8Array(11), new Uint8Array(13)])
    t.equal(parseCorrelation(data), undefined)
})

t.test('a message that comes twice is taken once, and a lost one is noticed', async t => {
  const connection = newConnection()
  const messages = new NumberedMessages(connection)
  const take = (number: number): string => messages.take(correlation(connection, number))
  t.equal(take(0), 'next')
  t.equal(take(0), 'again')
  t.equal(take(1), 'next')
  t.equal(take(3), 'lost')
  t.equal(take(2), 'next')
  t.equal(messages.take(correlation(newConnection(), 3)), 'other')
  t.equal(messages.take(undefined), 'other')
})
