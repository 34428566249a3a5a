import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import type { BlocksJson } from '../answers.ts'
import { count } from '../format.ts'
import { useAsked } from '../hooks.ts'
import { Answer, Card, Hash, Notice, Table, Time } from '../parts/parts.tsx'
import { go, to } from '../router.ts'

/** Blocks on one page. */
const PAGE = 25

/** How often the newest blocks are asked for, ms; older ones do not change. */
const BLOCKS_MS = 2_000

/** The blocks, newest first. */
export function BlocksPage({ height }: { readonly height: number | undefined }): JSX.Element {
  // Where the pages begin that lie behind the first, as far as the reader went.
  const [cursors, setCursors] = useState<readonly number[]>([])
  const cursor = cursors.at(-1)
  const path = `/v1/blocks?limit=${PAGE}${cursor === undefined ? '' : `&before=${cursor}`}`
  const asked = useAsked<BlocksJson>(path, cursor === undefined ? BLOCKS_MS : 0)
  return (
    <>
      <h1>Blocks</h1>
      <FindForm />
      <Card title={cursor === undefined ? 'Newest' : 'Older'}>
        {height === 0 && (
          <Notice>
            There is no block yet: the network makes none while there is nothing to record.
          </Notice>
        )}
        <Answer asked={asked}>
          {({ blocks, next }) => (
            <>
              <Table
                caption="Blocks, newest first"
                head={['Height', 'Block time', 'Transactions', 'View', 'Built by', 'Hash']}
                rows={blocks.map(each => ({
                  key: each.height,
                  cells: [
                    <a href={to('blocks', each.height)}>{each.height}</a>,
                    <Time ms={each.time} />,
                    count(each.transactions),
                    each.view,
                    each.proposer.name ?? <Hash hex={each.proposer.id} />,
                    <Hash hex={each.hash} />
                  ]
                }))}
              />
              <p class="pager">
                <button
                  type="button"
                  disabled={cursors.length === 0}
                  onClick={() => setCursors(cursors.slice(0, -1))}
                >
                  Newer
                </button>{' '}
                <button
                  type="button"
                  disabled={next === null}
                  onClick={() => next !== null && setCursors([...cursors, next])}
                >
                  Older
                </button>
              </p>
            </>
          )}
        </Answer>
      </Card>
    </>
  )
}

/** Goes to a block by its height, or to a transaction by its identity. */
function FindForm(): JSX.Element {
  const [text, setText] = useState('')
  const [wrong, setWrong] = useState(false)
  const find = (): void => {
    const given = text.trim().toLowerCase()
    if (/^\d{1,15}$/.test(given)) return go('blocks', given)
    if (/^[0-9a-f]{64}$/.test(given)) return go('transactions', given)
    setWrong(true)
  }
  return (
    <form
      class="find"
      onSubmit={event => {
        event.preventDefault()
        find()
      }}
    >
      <label for="find">Height of a block, or identity of a transaction</label>
      <div class="row">
        <input
          id="find"
          value={text}
          spellcheck={false}
          autocomplete="off"
          aria-invalid={wrong}
          aria-describedby={wrong ? 'find-wrong' : undefined}
          onInput={event => {
            setWrong(false)
            setText(event.currentTarget.value)
          }}
        />
        <button type="submit">Show</button>
      </div>
      {wrong && (
        <p id="find-wrong" class="notice bad" role="alert">
          Neither a height nor 64 hexadecimal digits.
        </p>
      )}
    </form>
  )
}
