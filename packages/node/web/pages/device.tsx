import type { JSX } from 'preact'
import type { DeviceDetailJson, SignsJson } from '../answers.ts'
import { count, duration } from '../format.ts'
import { useAsked } from '../hooks.ts'
import { SIGNS, SignBadges } from '../parts/signs.tsx'
import { Answer, Badge, Card, FullHash, Hash, Notice, Pairs, Table, Time } from '../parts/parts.tsx'
import { to } from '../router.ts'
import { ClockError, LastSeen, stateOf } from './devices.tsx'

/** How often a device is asked for, ms. */
const DEVICE_MS = 5_000

/** One device. */
export function DevicePage({ id }: { readonly id: string }): JSX.Element {
  const name = encodeURIComponent(id)
  const asked = useAsked<DeviceDetailJson>(`/v1/devices/${name}`, DEVICE_MS)
  const signs = useAsked<SignsJson>(`/v1/devices/signs?device=${name}`, DEVICE_MS)
  return (
    <>
      <h1>Device</h1>
      <p>
        <a href={to('devices')}>All devices</a>
      </p>
      <Answer asked={asked}>
        {device => (
          <>
            <Card title={device.model}>
              <Pairs
                of={[
                  ['Identifier', <FullHash hex={device.id} />],
                  ['State', <Badge tone={stateOf(device)[0]}>{stateOf(device)[1]}</Badge>],
                  ['Hospital', device.ownerName ?? device.owner],
                  ['Last seen', <LastSeen lanes={device.lanes} />],
                  ['Clock, ahead of the network', <ClockError lanes={device.lanes} />],
                  ['Registered', `at height ${device.registeredHeight}`],
                  ...(device.revokedHeight === null
                    ? []
                    : ([['Revoked', `at height ${device.revokedHeight}`]] as const)),
                  ['Key', <FullHash hex={device.key.key} />],
                  ...(device.firmware === null
                    ? []
                    : ([['Firmware', <FullHash hex={device.firmware} />]] as const)),
                  ...(device.metrics.length === 0
                    ? []
                    : ([['Measures', device.metrics.join(', ')]] as const))
                ]}
              />
            </Card>
            <Card title="Lanes">
              {device.lanes.length === 0 && <Notice>It has sent nothing yet.</Notice>}
              {device.lanes.map(lane => (
                <Pairs
                  key={lane.lane}
                  of={[
                    ['Lane', lane.lane === 1 ? 'urgent' : 'readings'],
                    ['Last place', `boot ${lane.boot}, number ${lane.seq}`],
                    ...(lane.last == null
                      ? []
                      : ([
                          [
                            'Recorded',
                            <>
                              in block{' '}
                              <a href={to('blocks', lane.last.height)}>{lane.last.height}</a>,{' '}
                              <Time ms={lane.last.time} />
                            </>
                          ],
                          ...(lane.last.to === null
                            ? []
                            : ([
                                ["Last reading, by the device's clock", <Time ms={lane.last.to} />]
                              ] as const))
                        ] as const)),
                    ...(lane.quarantinedHeight === null
                      ? []
                      : ([
                          [
                            'Quarantined',
                            <Badge tone="bad">
                              at height {lane.quarantinedHeight}: it contradicted itself
                            </Badge>
                          ]
                        ] as const))
                  ]}
                />
              ))}
            </Card>
          </>
        )}
      </Answer>
      <Answer asked={signs}>{found => <SignsCard found={found} />}</Answer>
    </>
  )
}

function SignsCard({ found: { devices, fromHeight } }: { readonly found: SignsJson }): JSX.Element {
  const [signs] = devices
  return (
    <Card title="Signs of faults or tampering">
      <p>
        <SignBadges of={signs} />
      </p>
      {signs !== undefined && (
        <Table
          caption="Signs, newest first"
          head={['Sign', 'What it means', 'Transaction', 'Block']}
          rows={signs.newest.map(({ kind, transaction, height, size }) => {
            const [tone, one, , about] = SIGNS[kind]
            return {
              key: `${transaction} ${kind}`,
              cells: [
                <Badge tone={tone}>
                  {one}
                  {kind === 'gap' ? ` of ${count(size)} readings` : ''}
                  {kind === 'date-jump' ? ` of ${duration(size)}` : ''}
                </Badge>,
                <span class="words">{about}</span>,
                <Hash hex={transaction} href={to('transactions', transaction)} />,
                <a href={to('blocks', height)}>{height}</a>
              ]
            }
          })}
        />
      )}
      <p class="muted">Of what was committed from height {fromHeight} on.</p>
    </Card>
  )
}
