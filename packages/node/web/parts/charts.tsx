import type { JSX } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import uPlot from 'uplot'
import { askJson } from '../api.ts'
import type { Figure, FiguresJson } from '../answers.ts'
import { duration, localTime, rate } from '../format.ts'
import { useRepeated } from '../hooks.ts'
import { useLook } from '../theme.ts'
import { Card, Failure } from './parts.tsx'

/** How often new figures are asked for, ms: how long each stands for. */
const FIGURES_MS = 2_000

/** What the charts show: ten minutes, or less of a node that has committed for less. */
const SHOWN_MS = 600_000
const SHOWN_MS_MIN = 60_000

const CHART_HEIGHT = 150

/** Throughput and commit latency of the last ten minutes. */
export function Charts(): JSX.Element {
  const [{ now, everyMs, figures }, setFigures] = useState<FiguresJson>({
    now: Date.now(),
    everyMs: FIGURES_MS,
    figures: []
  })
  const [error, setError] = useState<Error>()
  useRepeated(async signal => {
    const since = figures.at(-1)?.at ?? 0
    try {
      const newer = await askJson<FiguresJson>(`/v1/figures?since=${since + 1}`, signal)
      const kept = figures.filter(({ at }) => at > newer.now - SHOWN_MS && at <= newer.now)
      setFigures({ ...newer, figures: [...kept, ...newer.figures] })
      setError(undefined)
    } catch (failure) {
      if (!signal.aborted) setError(failure instanceof Error ? failure : new Error(String(failure)))
    }
  }, FIGURES_MS)

  const { times, at } = spans(figures, now, everyMs)
  const perSecond = (value: number): number => value / (everyMs / 1_000)
  const readings = at.map(each => perSecond(each?.readings ?? 0))
  const transactions = at.map(each => perSecond(each?.transactions ?? 0))
  const p50 = at.map(each => each?.latency?.p50 ?? null)
  const p99 = at.map(each => each?.latency?.p99 ?? null)
  const newest = figures.findLast(each => each.latency !== null)?.latency
  return (
    <div class="stack">
      {error !== undefined && <Failure error={error} />}
      <Card title="Throughput">
        <Chart
          label="Readings and transactions committed each second, over the last ten minutes"
          times={times}
          series={[
            { name: 'readings/s', colour: '--accent', values: readings },
            { name: 'transactions/s', colour: '--second', values: transactions }
          ]}
          show={rate}
        />
        <p class="legend">
          <span class="key first" /> {rate(recent(readings))} readings/s <span class="key second" />{' '}
          {rate(recent(transactions))} transactions/s
        </p>
      </Card>
      <Card title="Commit latency">
        <Chart
          label="Time from when this node first had a transaction until it was committed, over the last ten minutes"
          times={times}
          series={[
            { name: 'p50', colour: '--accent', values: p50 },
            { name: 'p99', colour: '--second', values: p99 }
          ]}
          show={duration}
        />
        <p class="legend">
          <span class="key first" /> p50 {newest == null ? '–' : duration(newest.p50)}{' '}
          <span class="key second" /> p99 {newest == null ? '–' : duration(newest.p99)}
        </p>
      </Card>
    </div>
  )
}

/** The mean of the last ten seconds. */
function recent(values: readonly number[]): number {
  const last = values.slice(-5)
  return last.reduce((sum, value) => sum + value, 0) / Math.max(1, last.length)
}

/** One place for each span of time, with what happened in it if anything did. */
function spans(
  figures: readonly Figure[],
  now: number,
  everyMs: number
): { readonly times: readonly number[]; readonly at: readonly (Figure | undefined)[] } {
  const last = now - (now % everyMs) - everyMs
  const found = new Map(figures.map(figure => [figure.at, figure]))
  const known = last + everyMs - (figures[0]?.at ?? last)
  const shown = Math.min(SHOWN_MS, Math.max(SHOWN_MS_MIN, known))
  const count = Math.floor(shown / everyMs)
  const starts = Array.from({ length: count }, (_, k) => last - (count - 1 - k) * everyMs)
  return { times: starts.map(at => at / 1_000), at: starts.map(at => found.get(at)) }
}

interface Series {
  readonly name: string
  /** A variable of the style sheet. */
  readonly colour: string
  readonly values: readonly (number | null)[]
}

function Chart({
  label,
  times,
  series,
  show
}: {
  readonly label: string
  readonly times: readonly number[]
  readonly series: readonly Series[]
  readonly show: (value: number) => string
}): JSX.Element {
  const box = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot | undefined>(undefined)
  const look = useLook()
  const data: uPlot.AlignedData = [[...times], ...series.map(({ values }) => [...values])]

  useEffect(() => {
    const element = box.current
    if (element === null) return undefined
    const made = new uPlot(optionsOf(element, series, show), data, element)
    plot.current = made
    const resized = new ResizeObserver(() =>
      made.setSize({ width: element.clientWidth, height: CHART_HEIGHT })
    )
    resized.observe(element)
    return () => {
      resized.disconnect()
      made.destroy()
      plot.current = undefined
    }
    // The data come by the other effect.
  }, [look])
  useEffect(() => plot.current?.setData(data), [data])
  return <div class="chart" role="img" aria-label={label} ref={box} />
}

function optionsOf(
  element: HTMLElement,
  series: readonly Series[],
  show: (value: number) => string
): uPlot.Options {
  const colour = (name: string): string => resolveColour(element, name)
  const axis: uPlot.Axis = {
    stroke: colour('--muted'),
    grid: { stroke: colour('--line'), width: 1 },
    ticks: { stroke: colour('--line'), width: 1 },
    font: '12px system-ui, sans-serif'
  }
  return {
    width: element.clientWidth,
    height: CHART_HEIGHT,
    legend: { show: false },
    cursor: { show: false },
    scales: { y: { range: (_plot, _min, max) => [0, max > 0 ? max * 1.1 : 1] } },
    axes: [
      { ...axis, space: 70, values: (_plot, ticks) => clocks(ticks) },
      { ...axis, size: 64, values: (_plot, ticks) => ticks.map(show) }
    ],
    series: [
      {},
      ...series.map(({ name, colour: variable }) => ({
        label: name,
        stroke: colour(variable),
        width: 2,
        spanGaps: true,
        points: { show: false }
      }))
    ]
  }
}

/** A colour of the style sheet as a canvas takes it: the variable itself holds one for each look. */
function resolveColour(element: HTMLElement, name: string): string {
  const probe = document.createElement('span')
  probe.style.color = `var(${name})`
  element.append(probe)
  const { color } = getComputedStyle(probe)
  probe.remove()
  return color
}

/** Hours and minutes by this computer's clock, and seconds where whole minutes do not tell the ticks apart. */
function clocks(ticks: readonly number[]): string[] {
  const parts = ticks.some(tick => tick % 60 !== 0) ? 8 : 5
  return ticks.map(tick => localTime(1_000 * tick).slice(11, 11 + parts))
}
