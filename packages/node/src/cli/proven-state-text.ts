import { decodeDevice, deviceStateKey } from '@vitalchain/contracts'
import {
  decodeLaneRecord,
  equalBytes,
  laneStateKey,
  toHex,
  utf8,
  type Pin,
  type ProvenCompleteness,
  type ProvenState
} from '@vitalchain/core'
import {
  anchorToJson,
  describeAnchor,
  describeHeaderTrust,
  describeNetwork,
  isoTime,
  placeText,
  type Description
} from './proven-text.ts'

/** Gaps and losses that are listed one by one; more are counted. */
const LISTED_MAX = 20

/** What a valid state proof proves, in words. */
export function describeState(proven: ProvenState, pin?: Pin): Description {
  return [
    describeNetwork(proven),
    ...meaning(proven),
    ['as of', `block ${proven.header.height}, which has the time ${isoTime(proven.header.time)}`],
    ...describeAnchor(proven, pin)
  ]
}

/** The same for programs. */
export function stateToJson(proven: ProvenState): Readonly<Record<string, unknown>> {
  const { key, value } = proven
  return {
    ...anchorToJson(proven),
    key: toHex(key),
    value: value === undefined ? null : toHex(value)
  }
}

function meaning({ key, value, header }: ProvenState): Description {
  const device = key.slice(deviceStateKey(new Uint8Array(0)).length)
  if (device.length === 32 && equalBytes(deviceStateKey(device), key)) {
    const who = ['device', toHex(device)] as const
    if (value === undefined) return [who, ['standing', 'never registered']]
    const { registeredHeight, revokedHeight, retired, owner, model } = decodeDevice(value)
    const until = retired === undefined ? '' : `; retired before its boot ${retired.boot}`
    const end =
      revokedHeight === undefined
        ? `not revoked up to block ${header.height}`
        : `revoked in block ${revokedHeight}`
    return [
      who,
      ['standing', `registered in block ${registeredHeight}; ${end}${until}`],
      ['model', model],
      ['owner', `the member ${toHex(owner)}`]
    ]
  }
  const lane = laneOf(key)
  if (lane !== undefined) {
    const who = ['device', toHex(lane.device)] as const
    if (value === undefined) return [who, ['lane', `nothing in lane ${lane.lane}`]]
    const record = decodeLaneRecord(value)
    const closed =
      record.quarantinedHeight === undefined ? '' : `; closed in block ${record.quarantinedHeight}`
    const { publicKey, binding } = record
    return [
      who,
      ['newest', `${placeText({ ...record, lane: lane.lane })}${closed}`],
      ...(publicKey === undefined
        ? []
        : [['key', `${publicKey.algorithm} ${toHex(publicKey.bytes)}, since a rotation`] as const]),
      ...(binding === undefined
        ? []
        : [['stream', binding.stream === undefined ? 'none' : toHex(binding.stream)] as const])
    ]
  }
  return [
    ['key', toHex(key)],
    ['value', value === undefined ? 'none' : toHex(value)]
  ]
}

function laneOf(
  key: Uint8Array
): { readonly device: Uint8Array; readonly lane: 0 | 1 } | undefined {
  const prefix = utf8('devices/lane/').length
  const device = key.slice(prefix, prefix + 32)
  const lane = ([0, 1] as const).find(each => equalBytes(laneStateKey(device, each), key))
  return lane === undefined ? undefined : { device, lane }
}

/** What a valid completeness proof proves, in words. */
export function describeCompleteness(proven: ProvenCompleteness, pin?: Pin): Description {
  const { device, lane, statements, from, to, fromStart, toHead, header } = proven
  const { gaps, historyLost, quarantinedHeight } = proven
  const count = statements.length
  return [
    describeNetwork(proven),
    ['device', toHex(device)],
    ['from', `${placeText({ ...from, lane })}${fromStart ? ', the first that it ever sent' : ''}`],
    ['to', placeText({ ...to, lane })],
    ['complete', `it sent exactly these ${count} statements there, and none is missing`],
    ...listed(
      gaps.map(gap => {
        const why = gap.reason === 1 ? 'its outbox was full' : 'they could not be read back'
        const end = `${gap.last.boot}.${gap.last.seq}`
        return `it says that it dropped ${gap.count} readings, ${gap.boot}.${gap.seq} to ${end}: ${why}`
      })
    ).map(line => ['gap', line] as const),
    ...listed(historyLost.map(place => `it lost its outbox before ${place.boot}.${place.seq}`)).map(
      line => ['lost', line] as const
    ),
    [
      'afterwards',
      toHead
        ? `nothing up to block ${header.height}, which has the time ${isoTime(header.time)}`
        : 'not shown: the device may have sent more'
    ],
    ...(quarantinedHeight === undefined
      ? []
      : [['closed', `in block ${quarantinedHeight}: the device contradicted itself`] as const]),
    ...describeAnchor(proven, pin),
    ...describeHeaderTrust(proven)
  ]
}

function listed(lines: readonly string[]): readonly string[] {
  if (lines.length <= LISTED_MAX) return lines
  return [...lines.slice(0, LISTED_MAX), `and ${lines.length - LISTED_MAX} more`]
}

/** The same for programs. */
export function completenessToJson(proven: ProvenCompleteness): Readonly<Record<string, unknown>> {
  const { device, lane, statements, from, to, fromStart, toHead, gaps } = proven
  return {
    ...anchorToJson(proven),
    headerTrust: proven.headerTrust,
    device: toHex(device),
    lane,
    from,
    to,
    statements: statements.map(({ id }) => toHex(id)),
    gaps: gaps.map(({ boot, seq, last, count, reason }) => ({ boot, seq, last, count, reason })),
    historyLost: proven.historyLost,
    quarantinedHeight: proven.quarantinedHeight ?? null,
    fromStart,
    toHead
  }
}
