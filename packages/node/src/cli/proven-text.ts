import { memberId, toHex, type Proven, type Statement, type Transaction } from '@vitalchain/core'

/** What a valid receipt proves, in words: pairs of a heading and a line. */
export function describeProven(proven: Proven): readonly (readonly [string, string])[] {
  const { header, genesis, network } = proven
  const height = header.height.toString()
  const names = proven.certifiedBy.map(({ name, member }) => name ?? toHex(member))
  return [
    ['network', `${genesis.name}, ${toHex(network)}`],
    ...describeTransaction(proven.transaction, proven),
    [
      'recorded',
      `in block ${height} or before; block ${height} has the time ${isoTime(header.time)}`
    ],
    ['place', `number ${proven.index} of the ${header.history.size} transactions until then`],
    ['certified by', `${names.length} of ${proven.validators} hospitals: ${names.join(', ')}`],
    ['trust', `${proven.trust}: the genesis, and that no quorum's keys since then were ever stolen`]
  ]
}

/** The same for programs: plain JSON. */
export function provenToJson(proven: Proven): Readonly<Record<string, unknown>> {
  const { header, transaction } = proven
  return {
    network: toHex(proven.network),
    transaction: transactionToJson(transaction),
    index: proven.index,
    height: header.height,
    blockHash: toHex(proven.blockHash),
    blockTime: isoTime(header.time),
    certifiedBy: proven.certifiedBy.map(({ member, name }) => ({ member: toHex(member), name })),
    validators: proven.validators,
    handOvers: proven.handOvers,
    trust: proven.trust
  }
}

function describeTransaction(
  transaction: Transaction,
  { genesis }: Proven
): (readonly [string, string])[] {
  if (transaction.type === 'call') {
    const { call, signed } = transaction
    const author = genesis.members.find(
      member => toHex(memberId(member.operatorKey)) === toHex(call.author)
    )
    return [
      [
        'who',
        `the operator of ${author?.name ?? toHex(call.author)}, ${keyText(signed.publicKey)}`
      ],
      ['what', `the call ${call.method}`],
      ['identity', toHex(transaction.id)]
    ]
  }
  if (transaction.type === 'evidence') {
    const { kind, validator, height } = transaction.evidence
    return [
      ['who', `the hospital at place ${validator} among the validators of block ${height}`],
      ['what', `its consensus key broke the rules at block ${height}: ${kind}`],
      ['identity', toHex(transaction.id)]
    ]
  }
  if (transaction.type === 'conflict') {
    return [
      ['who', deviceText(transaction.first.statement, transaction.first.signed.publicKey)],
      ['what', `it signed two different statements for ${placeText(transaction.first.statement)}`],
      ['identity', toHex(transaction.id)]
    ]
  }
  const { statement, signed } = transaction
  return [
    ['who', deviceText(statement, signed.publicKey)],
    ['what', `${contentText(statement)} at ${placeText(statement)}`],
    ['when', timesText(statement)],
    ['identity', toHex(transaction.id)]
  ]
}

function contentText(statement: Statement): string {
  if (statement.type === 'gap') return `that it dropped ${statement.count} readings`
  return `${statement.count} readings, sealed in ${statement.payloadSize} bytes`
}

function timesText(statement: Statement): string {
  if (statement.type === 'gap') return `dropped by ${isoTime(statement.time)} by the device's clock`
  const { from, to, clock } = statement
  const known =
    clock === undefined
      ? 'which was not compared with the network'
      : `which was ${clock.offset} ms behind the network, known to ${clock.uncertainty} ms`
  return `measured ${isoTime(from)} to ${isoTime(to)} by the device's clock, ${known}`
}

function deviceText(
  { device }: Statement,
  key: { readonly algorithm: string; readonly bytes: Uint8Array }
): string {
  return `the device ${toHex(device)}, ${keyText(key)}`
}

function keyText({ algorithm, bytes }: { algorithm: string; bytes: Uint8Array }): string {
  return `whose ${algorithm} key ${toHex(bytes)} signed it`
}

function placeText({ lane, boot, seq }: Statement): string {
  return `boot ${boot}, number ${seq} of its ${lane === 0 ? 'readings' : 'urgent'} lane`
}

function transactionToJson(transaction: Transaction): Readonly<Record<string, unknown>> {
  const id = toHex(transaction.id)
  if (transaction.type === 'call') {
    const { author, method } = transaction.call
    return { type: 'call', id, author: toHex(author), method }
  }
  if (transaction.type === 'evidence') {
    const { kind, validator, height } = transaction.evidence
    return { type: 'evidence', id, kind, validator, height }
  }
  if (transaction.type === 'conflict') {
    return { type: 'conflict', id, device: toHex(transaction.first.statement.device) }
  }
  const { statement, signed } = transaction
  const { device, lane, boot, seq, count } = statement
  const times =
    statement.type === 'gap'
      ? { time: isoTime(statement.time) }
      : { from: isoTime(statement.from), to: isoTime(statement.to), clock: statement.clock ?? null }
  const { algorithm, bytes } = signed.publicKey
  const key = { algorithm, bytes: toHex(bytes) }
  return { type: statement.type, id, device: toHex(device), key, lane, boot, seq, count, ...times }
}

/** Devices may say any time; ISO 8601 ends in the year 275760. */
function isoTime(ms: number): string {
  const date = new Date(ms)
  return Number.isNaN(date.getTime()) ? `${ms} ms since 1970` : date.toISOString()
}
