import {
  genesisFormat,
  STATEMENT_FLAG,
  type ReadingStatement,
  type Transaction
} from '@vitalchain/core'
import t from 'tap'
import { describeForm } from '../../src/cli/proven-checkpoint-text.ts'
import { describeTransaction, transactionToJson } from '../../src/cli/proven-text.ts'
import { ledgerWithDevice } from '../ledger/fixture.ts'

const DAY = 86_400_000
const NOW = Date.UTC(2026, 10, 22, 12)

const { network, ledger, device } = await ledgerWithDevice()
t.teardown(() => ledger.close())
const genesis = genesisFormat.decode(network.genesis)
const { candidate } = await device.read()

type Times = Pick<ReadingStatement, 'from' | 'to' | 'clock'> & { readonly flags?: number }

function withTimes(times: Times): Transaction {
  const { transaction } = candidate
  if (transaction.type !== 'statement' || transaction.statement.type !== 'readings')
    throw new Error('expected readings')
  return { ...transaction, statement: { ...transaction.statement, ...times } }
}

/** What is said of the times of a statement, by heading. */
function words(times: Times): Record<string, string> {
  return Object.fromEntries(
    describeTransaction(withTimes(times), genesis).filter(([heading]) =>
      ['attested', 'when', 'jump', 'clock', 'corrected'].includes(heading)
    )
  )
}

t.test('a clock at 1970 is said to be decades behind, and the times without its error', async t => {
  t.same(words({ from: 1_000, to: 60_000, clock: { offset: NOW, uncertainty: 530 } }), {
    when: "measured 1970-01-01T00:00:01.000Z to 1970-01-01T00:01:00.000Z by the device's clock",
    clock: '20779.5 days behind the network, to within 530 ms',
    corrected: "2026-11-22T12:00:01.000Z to 2026-11-22T12:01:00.000Z by the network's clocks"
  })
})

t.test('a clock of the day after tomorrow is said to be ahead', async t => {
  const from = NOW + 3 * DAY
  t.match(words({ from, to: from, clock: { offset: -3 * DAY, uncertainty: 2_500 } }), {
    clock: '3.0 days ahead of the network, to within 2.50 s',
    corrected: "2026-11-22T12:00:00.000Z to 2026-11-22T12:00:00.000Z by the network's clocks"
  })
})

t.test('a clock that is right, and one that nobody compared, are told apart', async t => {
  t.equal(
    words({ from: NOW, to: NOW, clock: { offset: 0, uncertainty: 520 } })['clock'],
    'that of the network, to within 520 ms'
  )
  t.equal(words({ from: NOW, to: NOW, clock: undefined })['clock'], 'not compared with the network')
})

/** What a statement with these flags says of its times. */
const at = (flags: number) => ({ from: NOW, to: NOW, clock: undefined, flags })

t.test('readings that a gateway signed are told from those of their device', async t => {
  const { gatewayAttested, arrivalTimes } = STATEMENT_FLAG
  const attested = 'gateway-attested: a gateway signed for a sensor that cannot sign'
  t.match(words(at(gatewayAttested)), { attested, when: /^measured .* by the sensor's clock$/ })
  t.match(words(at(gatewayAttested | arrivalTimes)), {
    attested,
    when: /^came to the gateway .* by the gateway's clock$/
  })
  t.equal(words(at(0))['attested'], undefined)
  const json = (flags: number) => transactionToJson(withTimes(at(flags)))
  t.match(json(gatewayAttested), { attestedBy: 'gateway', times: 'sensor' })
  t.match(json(gatewayAttested | arrivalTimes), { attestedBy: 'gateway', times: 'arrival' })
  t.notOk('attestedBy' in json(0))
})

t.test('times within a batch that are fourteen months apart are told', async t => {
  t.equal(words({ from: NOW, to: NOW + 1, clock: undefined })['jump'], undefined)
  t.equal(
    words({ from: NOW, to: NOW + 417 * DAY, clock: undefined })['jump'],
    'its times are 417.0 days apart: dates or clock jumped in between'
  )
})

t.test('a hospital that cosigns with a time of no calendar spoils no checkpoint', async t => {
  const { size, root } = ledger.head.history
  const validators = ledger.validators()
  const signers = validators.map(({ member }) => member)
  const times = [1_800_000_000, 1_800_000_000, 1_800_000_000, Number.MAX_SAFE_INTEGER]
  const said = describeForm(
    { kind: 'checkpoint', proven: { size, root, signers, times } },
    { network: network.id },
    { genesis, validators, known: 'the genesis' }
  )
  t.match(
    Object.fromEntries(said)['cosigned by'],
    /^4 of 4 hospitals: .* ms since 1970 by its clock$/
  )
})
