import type { JSX } from 'preact'
import type { FoundTransactionJson } from '../answers.ts'
import { useAsked } from '../hooks.ts'
import { Answer, Card, FullHash, Hash, Notice, Pairs, Time } from '../parts/parts.tsx'
import { whatOf } from '../parts/transactions-table.tsx'
import { to } from '../router.ts'

/** Fields that the page tells by words of its own. */
const TOLD = new Set([
  'height',
  'index',
  'leaf',
  'time',
  'type',
  'status',
  'id',
  'device',
  'from',
  'to',
  'flags',
  'clock'
])

/** One transaction as this node tells it. */
export function TransactionPage({ id }: { readonly id: string }): JSX.Element {
  const asked = useAsked<FoundTransactionJson>(`/v1/transactions/${encodeURIComponent(id)}`)
  return (
    <>
      <h1>Transaction</h1>
      <Answer asked={asked}>
        {each =>
          each.status === 'waiting' ? (
            <Notice>It waits at this node and is not committed yet: {whatOf(each)}.</Notice>
          ) : (
            <>
              <Card title="What this node says">
                <Pairs
                  of={[
                    ['Identity', <FullHash hex={each.id} />],
                    ['What', whatOf(each)],
                    ['Block', <a href={to('blocks', each.height)}>{each.height}</a>],
                    ['Block time', <Time ms={each.time} />],
                    ['Place in the history', String(each.leaf)],
                    ...(each.device === undefined
                      ? []
                      : ([
                          ['Device', <Hash hex={each.device} href={to('devices', each.device)} />]
                        ] as const)),
                    ...(each.from === undefined || each.to === undefined
                      ? []
                      : ([
                          [
                            "Measured, by the device's clock",
                            <>
                              <Time ms={each.from} /> to <Time ms={each.to} />
                            </>
                          ]
                        ] as const)),
                    ...Object.entries(each).flatMap(([name, value]) =>
                      TOLD.has(name) || (typeof value !== 'string' && typeof value !== 'number')
                        ? []
                        : [[name, String(value)] as const]
                    )
                  ]}
                />
              </Card>
              <Card title="Proof">
                <p>
                  The above is this node's word. Its receipt proves it: your browser fetches it and
                  verifies every signature and hash itself.
                </p>
                <p>
                  <a class="button" href={to('verify', each.id)}>
                    Verify the receipt
                  </a>
                </p>
              </Card>
            </>
          )
        }
      </Answer>
    </>
  )
}
