import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import type { DeviceJson, DevicesJson, LaneJson, MembersReport, SignsJson } from '../answers.ts'
import { duration, signed } from '../format.ts'
import { useAsked } from '../hooks.ts'
import { SignBadges } from '../parts/signs.tsx'
import { Answer, Badge, Card, Hash, Notice, Table, Time, type Tone } from '../parts/parts.tsx'
import { to } from '../router.ts'

/** How often the devices are asked for, ms: the state's proof of each is checked by the node. */
const DEVICES_MS = 10_000

/** A device's clock that is further off than this is told, ms. Readings are to the second. */
const CLOCK_MS_WARN = 2_000

/** How a device is, in a word. */
export function stateOf({ revokedHeight, retired, lanes }: DeviceJson): readonly [Tone, string] {
  if (revokedHeight !== null) return ['bad', 'revoked']
  if (lanes.some(({ quarantinedHeight }) => quarantinedHeight !== null))
    return ['bad', 'quarantined']
  if (retired !== null) return ['plain', 'retired']
  return lanes.length === 0 ? ['plain', 'sent nothing yet'] : ['ok', 'in force']
}

/** The newest statement of a device in any lane. */
function newestOf(lanes: readonly LaneJson[]): NonNullable<LaneJson['last']> | undefined {
  return lanes
    .flatMap(({ last }) => (last == null ? [] : [last]))
    .toSorted((a, b) => b.height - a.height)[0]
}

/** By how much a device's clock is ahead of the network's. */
export function ClockError({ lanes }: { readonly lanes: readonly LaneJson[] }): JSX.Element {
  const last = newestOf(lanes)
  if (last === undefined) return <>–</>
  if (last.clock === null) return <span class="muted">not compared</span>
  const text = `${signed(-last.clock.offset)} ± ${duration(last.clock.uncertainty)}`
  return Math.abs(last.clock.offset) > CLOCK_MS_WARN ? (
    <Badge tone="warn">{text}</Badge>
  ) : (
    <>{text}</>
  )
}

/** When a device's newest statement was recorded. */
export function LastSeen({ lanes }: { readonly lanes: readonly LaneJson[] }): JSX.Element {
  const last = newestOf(lanes)
  return last === undefined ? <>never</> : <Time ms={last.time} relative />
}

/** A member's devices. */
export function DevicesPage(): JSX.Element {
  const [member, setMember] = useState('')
  const [starts, setStarts] = useState<readonly number[]>([])
  const members = useAsked<MembersReport>('/v1/members')
  const start = starts.at(-1)
  const query = new URLSearchParams({
    ...(member === '' ? {} : { member }),
    ...(start === undefined ? {} : { from: String(start) })
  }).toString()
  const asked = useAsked<DevicesJson>(`/v1/devices${query === '' ? '' : `?${query}`}`, DEVICES_MS)
  const signs = useAsked<SignsJson>('/v1/devices/signs', DEVICES_MS)
  const found = new Map(signs.data?.devices.map(each => [each.device, each]))
  return (
    <>
      <h1>Devices</h1>
      <p class="find">
        <label for="member">Devices of</label>
        <select
          id="member"
          value={member}
          onChange={event => {
            setStarts([])
            setMember(event.currentTarget.value)
          }}
        >
          <option value="">this hospital</option>
          {members.data?.members
            .filter(({ self }) => !self)
            .map(({ id, name }) => (
              <option key={id} value={id}>
                {name}
              </option>
            ))}
        </select>
      </p>
      <Answer asked={asked}>
        {({ devices, next }) => (
          <Card title="Devices">
            {devices.length === 0 ? (
              <Notice>No device is registered here.</Notice>
            ) : (
              <Table
                caption="Devices"
                head={['Device', 'Model', 'State', 'Last seen', 'Last place', 'Clock', 'Signs']}
                rows={devices.map(each => {
                  const [tone, word] = stateOf(each)
                  const places = each.lanes.map(
                    ({ lane, boot, seq }) => `${lane === 1 ? 'urgent ' : ''}${boot}.${seq}`
                  )
                  return {
                    key: each.id,
                    cells: [
                      <Hash hex={each.id} href={to('devices', each.id)} />,
                      each.model,
                      <Badge tone={tone}>{word}</Badge>,
                      <LastSeen lanes={each.lanes} />,
                      places.join(', ') || '–',
                      <ClockError lanes={each.lanes} />,
                      <SignBadges of={found.get(each.id)} />
                    ]
                  }
                })}
              />
            )}
            <p class="pager">
              <button
                type="button"
                disabled={starts.length === 0}
                onClick={() => setStarts(starts.slice(0, -1))}
              >
                Back
              </button>{' '}
              <button
                type="button"
                disabled={next === null}
                onClick={() => next !== null && setStarts([...starts, next])}
              >
                More
              </button>
            </p>
            {signs.data !== undefined && (
              <p class="muted">
                Signs of what was committed from height {signs.data.fromHeight} on
                {signs.data.upToDate ? '' : '; this node still looks'}. Clock: by how much the
                device is ahead of the network.
              </p>
            )}
          </Card>
        )}
      </Answer>
    </>
  )
}
