import {
  memberId,
  STATEMENT_FLAG,
  TIME_JUMP_MS,
  toHex,
  type Genesis,
  type Pin,
  type Place,
  type Proven,
  type ProvenAnchor,
  type ReadingStatement,
  type Statement,
  type Transaction
} from '@vitalchain/core'

/** Words about a proof: pairs of a heading and a line. */
export type Description = readonly (readonly [heading: string, line: string])[]

/** What a valid receipt proves, in words. */
export function describeProven(proven: Proven, pin?: Pin): Description {
  const { header } = proven
  const height = header.height.toString()
  return [
    describeNetwork(proven),
    ...describeTransaction(proven.transaction, proven.genesis),
    [
      'recorded',
      `in block ${height} or before; block ${height} has the time ${isoTime(header.time)}`
    ],
    ['place', `number ${proven.index} of the ${header.history.size} transactions until then`],
    ...describeAnchor(proven, pin),
    ...describeHeaderTrust(proven)
  ]
}

/** The same for programs: plain JSON. */
export function provenToJson(proven: Proven): Readonly<Record<string, unknown>> {
  const { transaction } = proven
  return {
    ...anchorToJson(proven),
    headerTrust: proven.headerTrust,
    transaction: transactionToJson(transaction),
    index: proven.index
  }
}

/** The network that a proof is anchored in. */
export function describeNetwork({
  genesis,
  network
}: Pick<ProvenAnchor, 'genesis' | 'network'>): Description[number] {
  return ['network', `${genesis.name}, ${toHex(network)}`]
}

/** Who certified the header of a proof, and what it rests on. */
export function describeAnchor(proven: ProvenAnchor, pin: Pin | undefined): Description {
  const names = proven.certifiedBy.map(({ name, member }) => name ?? toHex(member))
  return [
    ['certified by', `${names.length} of ${proven.validators} hospitals: ${names.join(', ')}`],
    ['trust', `${proven.trust}: ${trustText(proven, pin)}`]
  ]
}

/** Said when a pin covers what was recorded, but not the header, and so neither its time nor who certified it. */
export function describeHeaderTrust({
  header,
  trust,
  headerTrust
}: Pick<Proven, 'header' | 'trust' | 'headerTrust'>): Description {
  if (trust === headerTrust) return []
  const line = `${headerTrust}: block ${header.height}, its time and who certified it are not covered by the pin`
  return [['block trust', line]]
}

function trustText({ trust }: ProvenAnchor, pin: Pin | undefined): string {
  if (trust !== 'genesis-only') return 'the pin, whatever became of keys that were retired before'
  const keys = "the genesis, and that no quorum's keys since then were ever stolen"
  return pin === undefined
    ? keys
    : `newer than the pin of ${pin.size}, which it agrees with: ${keys}`
}

/** What programs read of a header and its certificate. */
export function anchorToJson(proven: ProvenAnchor): Readonly<Record<string, unknown>> {
  const { header } = proven
  return {
    network: toHex(proven.network),
    height: header.height,
    blockHash: toHex(proven.blockHash),
    blockTime: isoTime(header.time),
    size: header.history.size,
    certifiedBy: proven.certifiedBy.map(({ member, name }) => ({ member: toHex(member), name })),
    validators: proven.validators,
    handOvers: proven.handOvers,
    trust: proven.trust
  }
}

/** Who said what and when, as a transaction has it. */
export function describeTransaction(transaction: Transaction, genesis: Genesis): Description {
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
    ...describeTimes(statement),
    ['identity', toHex(transaction.id)]
  ]
}

function contentText(statement: Statement): string {
  switch (statement.type) {
    case 'readings':
      return `${statement.count} readings, sealed in ${statement.payloadSize} bytes`
    case 'gap':
      return `that it dropped ${statement.count} readings`
    case 'rotation':
      return `its change to the ${statement.newKey.algorithm} key ${toHex(statement.newKey.bytes)}`
    case 'stream':
      return statement.stream === undefined
        ? 'that its readings belong to no stream from here on'
        : `that its readings belong to the stream ${toHex(statement.stream)} from here on`
  }
}

/** None for a statement without a time. */
function describeTimes(statement: Statement): Description {
  if (statement.type === 'gap')
    return [['when', `dropped by ${isoTime(statement.time)} by the device's clock`]]
  if (statement.type !== 'readings') return []
  const { from, to, clock } = statement
  return [
    ...describeAttestation(statement),
    [
      'when',
      `${whenText(statement)} ${isoTime(from)} to ${isoTime(to)} by ${clockText(statement)}`
    ],
    ...describeSpan(to - from),
    ...describeClock(statement, clock)
  ]
}

/** Whose readings they are that a gateway signed. spec F-11 */
function describeAttestation({ flags }: ReadingStatement): Description {
  if ((flags & STATEMENT_FLAG.gatewayAttested) === 0) return []
  return [['attested', 'gateway-attested: a gateway signed for a sensor that cannot sign']]
}

function whenText({ flags }: ReadingStatement): string {
  return (flags & STATEMENT_FLAG.arrivalTimes) === 0 ? 'measured' : 'came to the gateway'
}

function clockText({ flags }: ReadingStatement): string {
  if ((flags & STATEMENT_FLAG.gatewayAttested) === 0) return "the device's clock"
  return (flags & STATEMENT_FLAG.arrivalTimes) === 0 ? "the sensor's clock" : "the gateway's clock"
}

/** A batch takes minutes; what takes longer than that by far is told. spec P-5 */
function describeSpan(ms: number): Description {
  if (ms <= TIME_JUMP_MS) return []
  return [['jump', `its times are ${durationText(ms)} apart: dates or clock jumped in between`]]
}

/** How far a device's clock was off, in words. spec T-7 */
function describeClock(
  { from, to }: ReadingStatement,
  clock: ReadingStatement['clock']
): Description {
  if (clock === undefined) return [['clock', 'not compared with the network']]
  const { offset, uncertainty } = clock
  const bound = `to within ${durationText(uncertainty)}`
  if (offset === 0) return [['clock', `that of the network, ${bound}`]]
  const way = offset < 0 ? 'ahead of' : 'behind'
  return [
    ['clock', `${durationText(Math.abs(offset))} ${way} the network, ${bound}`],
    ['corrected', `${isoTime(from + offset)} to ${isoTime(to + offset)} by the network's clocks`]
  ]
}

/** A number of ms in the largest units that say it well. */
function durationText(ms: number): string {
  for (const [unit, name] of [
    [86_400_000, 'days'],
    [3_600_000, 'hours'],
    [60_000, 'minutes'],
    [1_000, 's']
  ] as const)
    if (ms >= 2 * unit) return `${(ms / unit).toFixed(name === 's' ? 2 : 1)} ${name}`
  return `${ms} ms`
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

/** A place in a device's lane. */
export function placeText({ lane, boot, seq }: Place & { readonly lane: 0 | 1 }): string {
  return `boot ${boot}, number ${seq} of its ${lane === 0 ? 'readings' : 'urgent'} lane`
}

/** A transaction for programs. */
export function transactionToJson(transaction: Transaction): Readonly<Record<string, unknown>> {
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
  const { device, lane, boot, seq } = statement
  const { algorithm, bytes } = signed.publicKey
  const key = { algorithm, bytes: toHex(bytes) }
  const place = { device: toHex(device), key, lane, boot, seq }
  return { type: statement.type, id, ...place, ...contentToJson(statement) }
}

function contentToJson(statement: Statement): Readonly<Record<string, unknown>> {
  switch (statement.type) {
    case 'readings': {
      const { count, from, to, clock } = statement
      const times = { from: isoTime(from), to: isoTime(to), clock: clock ?? null }
      return { count, ...times, ...attestationToJson(statement) }
    }
    case 'gap':
      return { count: statement.count, time: isoTime(statement.time) }
    case 'rotation': {
      const { algorithm, bytes } = statement.newKey
      return { newKey: { algorithm, bytes: toHex(bytes) } }
    }
    case 'stream':
      return { stream: statement.stream === undefined ? null : toHex(statement.stream) }
  }
}

/** Nothing of readings that their device signed. */
function attestationToJson({ flags }: ReadingStatement): Readonly<Record<string, unknown>> {
  if ((flags & STATEMENT_FLAG.gatewayAttested) === 0) return {}
  const times = (flags & STATEMENT_FLAG.arrivalTimes) === 0 ? 'sensor' : 'arrival'
  return { attestedBy: 'gateway', times }
}

/** ISO 8601, which ends in the year 275760: devices may say any time. */
export function isoTime(ms: number): string {
  const date = new Date(ms)
  return Number.isNaN(date.getTime()) ? `${ms} ms since 1970` : date.toISOString()
}
