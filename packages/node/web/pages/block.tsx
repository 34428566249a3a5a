import type { JSX } from 'preact'
import type { BlockJson } from '../answers.ts'
import { count } from '../format.ts'
import { useAsked } from '../hooks.ts'
import { Answer, Card, FullHash, Pairs, Time } from '../parts/parts.tsx'
import { TransactionsTable } from '../parts/transactions-table.tsx'
import { to } from '../router.ts'

/** One block with its transactions. */
export function BlockPage({ height }: { readonly height: string }): JSX.Element {
  const asked = useAsked<BlockJson>(`/v1/blocks/${encodeURIComponent(height)}`)
  return (
    <>
      <h1>Block {height}</h1>
      <p>
        <a href={to('blocks')}>All blocks</a>
        {Number(height) > 1 && (
          <>
            {' · '}
            <a href={to('blocks', Number(height) - 1)}>the one before</a>
          </>
        )}
        {' · '}
        <a href={to('blocks', Number(height) + 1)}>the next</a>
      </p>
      <Answer asked={asked}>
        {block => (
          <>
            <Card title="Header">
              <Pairs
                of={[
                  ['Hash', <FullHash hex={block.hash} />],
                  ['Previous', <FullHash hex={block.previous} />],
                  ['Block time', <Time ms={block.time} />],
                  [
                    'Built by',
                    `${block.proposer.name ?? block.proposer.id}, in view ${block.view}`
                  ],
                  ['History after it', `${count(block.historySize)} transactions`],
                  ['History root', <FullHash hex={block.historyRoot} />],
                  ['State root', <FullHash hex={block.stateRoot} />],
                  ...(block.handOver
                    ? ([['Validators', 'others certify the next block']] as const)
                    : [])
                ]}
              />
            </Card>
            <Card title={`Transactions: ${count(block.transactions.length)}`}>
              <TransactionsTable
                caption={`Transactions of block ${height}`}
                rows={block.transactions}
              />
            </Card>
          </>
        )}
      </Answer>
    </>
  )
}
