import { SCOPE } from './chain.ts'
import { EMPTY_DISK, writeVoteState } from './disk.ts'
import { messageSignBytes, type ViewChangeMessage } from './replica.ts'
import { BEHAVIOURS } from './strategies.ts'
import type { World } from './world.ts'

const STATUS_MS = 10_000
/** Between two transactions that come after healing, ms. */
const WORK_AFTER_MS = 200
/** How often faulty validators act of their own accord, ms. */
const VILLAIN_TICK_MS = 250

/** Gives machines clocks that differ, and views that some reached before. */
export function prepareHosts(world: World): void {
  const { skew, startViews } = world.scenario
  for (const host of world.hosts) {
    host.clockOffset = world.random.integer(2 * skew + 1) - skew
    const view = startViews?.get(host.instance)
    if (view === undefined || view === 0) continue
    world.checker.starts(host.validator, view)
    const said = viewChange(world, host.validator, view)
    host.disk = writeVoteState(EMPTY_DISK, {
      height: 1,
      view,
      sent: { 'view-change': said },
      prepared: undefined
    })
  }
}

/** Plans what goes on whatever fails: statuses, work, and what faulty validators do of their own accord. */
export function planRoutine(world: World): void {
  every(world, world.scenario.statusMs ?? STATUS_MS, () => {
    for (const host of world.hosts) host.feed({ type: 'status' })
  })
  planWork(world)
  const busy = [...world.villains.values()].filter(each =>
    each.strategies.some(strategy => BEHAVIOURS[strategy].tick !== undefined)
  )
  if (busy.length === 0) return
  every(world, VILLAIN_TICK_MS, () => {
    for (const villain of busy) villain.tick()
  })
}

function every(world: World, ms: number, action: () => void): void {
  world.schedule.after(ms, () => {
    action()
    every(world, ms, action)
  })
}

function planWork(world: World): void {
  const { heights, healsAt, load, workAfter = 0 } = world.scenario
  for (let k = 1; k <= workAfter; k += 1) {
    world.schedule.after(healsAt + k * WORK_AFTER_MS, () => {
      world.pool.submit(1)
      for (const host of world.hosts) host.tellWork()
    })
  }
  if (load === 'saturated') return
  for (let height = 1; height < heights; height += 1) {
    world.schedule.after(Math.ceil((height * healsAt) / heights), () => {
      world.pool.submit(1)
      for (const host of world.hosts) host.tellWork()
    })
  }
}

function viewChange({ keys }: World, sender: number, view: number): ViewChangeMessage {
  const claim = { preparedView: -1, preparedHash: new Uint8Array(32), prepared: undefined }
  const message = { type: 'view-change', height: 1, view, sender, ...claim } as const
  return { ...message, signature: keys.sign(sender, messageSignBytes(SCOPE, message)) }
}
