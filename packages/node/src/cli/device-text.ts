import type { JsonReader } from './json-file.ts'
import { short } from './member-text.ts'

/** The devices of `GET /v1/devices` for people, a few lines each. */
export function deviceLines(devices: readonly JsonReader[]): readonly string[] {
  if (devices.length === 0) return ['This hospital owns no device.']
  return devices.flatMap(device => [
    `${short(device.field('id').text())}  ${device.field('model').text()}${standing(device)}`,
    ...device.field('lanes').list().map(laneLine)
  ])
}

function standing(device: JsonReader): string {
  const revoked = device.optional('revokedHeight')?.integer()
  if (revoked !== undefined) return `, revoked at block ${revoked}`
  const retired = device.optional('retired')
  if (retired !== undefined) return `, retired before boot ${retired.field('boot').integer()}`
  const offer = device.optional('offer')
  return offer === undefined ? '' : `, offered to ${short(offer.field('to').text())}`
}

function laneLine(lane: JsonReader): string {
  const name = lane.field('lane').integer() === 0 ? 'readings' : 'urgent  '
  const place = `boot ${lane.field('boot').integer()}, number ${lane.field('seq').integer()}`
  const closed = lane.optional('quarantinedHeight')?.integer()
  const end = closed === undefined ? '' : `, closed at block ${closed}: it contradicted itself`
  return `  ${name}  ${place}${boundTo(lane)}${end}`
}

function boundTo(lane: JsonReader): string {
  const fields: unknown = JSON.parse(lane.json())
  if (typeof fields !== 'object' || fields === null || !('stream' in fields)) return ''
  return typeof fields.stream === 'string' ? `, stream ${short(fields.stream)}` : ', no stream'
}
