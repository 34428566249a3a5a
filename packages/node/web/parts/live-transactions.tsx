import type { JSX } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import type { BlocksJson, TransactionJson } from '../answers.ts'
import { askJson } from '../api.ts'
import { events } from '../events.ts'
import { Badge, Card, Failure, Notice } from './parts.tsx'
import { TransactionsTable } from './transactions-table.tsx'

/** Transactions that are shown: those of a screen. */
const SHOWN_MAX = 15

/** How often the list is drawn at most, ms: nobody reads faster. */
const DRAW_MS = 500

/** Blocks behind the newest one that are shown at once. */
const BLOCKS_BACK = 5

/** Where a stream begins that shows the newest blocks and then goes on. */
async function someBlocksBack(signal: AbortSignal): Promise<string> {
  const { blocks, next } = await askJson<BlocksJson>(`/v1/blocks?limit=${BLOCKS_BACK + 1}`, signal)
  const last = blocks.at(-1)
  return last === undefined || next === null ? '0.0' : `${last.height}.${last.transactions - 1}`
}

/** What is being committed, as it comes. */
export function LiveTransactions(): JSX.Element {
  const [rows, setRows] = useState<readonly TransactionJson[]>([])
  const [error, setError] = useState<Error>()
  const [open, setOpen] = useState(false)
  const [paused, setPaused] = useState(false)

  useEffect(() => {
    if (paused) return undefined
    const gone = new AbortController()
    let newest: readonly TransactionJson[] = rows
    let timer: ReturnType<typeof setTimeout> | undefined
    const draw = (): void => {
      timer = undefined
      setRows(newest)
    }
    const follow = async (): Promise<void> => {
      try {
        const from = await someBlocksBack(gone.signal)
        for await (const { data } of events(`/v1/events?from=${from}`, gone.signal, {
          onOpen() {
            setError(undefined)
            setOpen(true)
          },
          onLost: () => setOpen(false)
        })) {
          // oxlint-disable-next-line typescript/no-unsafe-assignment -- the node's own word, like every answer
          const row: TransactionJson = JSON.parse(data)
          newest = [row, ...newest.filter(({ id }) => id !== row.id)].slice(0, SHOWN_MAX)
          timer ??= setTimeout(draw, DRAW_MS)
        }
      } catch (failure) {
        if (gone.signal.aborted) return
        setOpen(false)
        setError(failure instanceof Error ? failure : new Error(String(failure)))
      }
    }
    void follow()
    return () => {
      gone.abort()
      clearTimeout(timer)
      setOpen(false)
    }
  }, [paused])

  return (
    <Card title="Committed now">
      <p>
        <Badge tone={open ? 'ok' : 'plain'}>
          {open ? 'live' : paused ? 'paused' : 'connecting'}
        </Badge>{' '}
        <button type="button" class="small" onClick={() => setPaused(!paused)}>
          {paused ? 'Go on' : 'Pause'}
        </button>
      </p>
      {error !== undefined && <Failure error={error} />}
      {rows.length === 0 ? (
        <Notice>Nothing is committed yet.</Notice>
      ) : (
        <TransactionsTable caption="Newest committed transactions" rows={rows} />
      )}
    </Card>
  )
}
