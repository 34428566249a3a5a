import type { Host } from './host.ts'
import type { World } from './world.ts'

const REWIRE_MS = 200
const STANDSTILL_MS = 1_000
const EARLY_MS = 300

/** Plans what happens to machines until the network heals. */
export function planDisasters(world: World): void {
  const { scenario, schedule, random, hosts, network } = world
  const { healsAt } = scenario
  const sometime = (times: number, disaster: (host: Host) => void): void => {
    for (let k = 0; k < times; k += 1) {
      const host = hosts[random.integer(hosts.length)]
      if (host === undefined) continue
      schedule.after(random.integer(healsAt), () => {
        disaster(host)
      })
    }
  }
  for (
    let time = 0;
    scenario.partitions && time < healsAt;
    time += REWIRE_MS + random.integer(600)
  ) {
    schedule.after(time, () => {
      network.rewire(hosts)
      world.count('network cut anew')
    })
  }
  sometime(scenario.crashes, host => {
    world.crash(host, 20 + random.integer(500))
  })
  for (let k = 0; k < scenario.tornWrites; k += 1) {
    // The first one early, while everybody has something to write.
    schedule.after(random.integer(k === 0 ? Math.min(healsAt, EARLY_MS) : healsAt), () => {
      world.tears += 1
    })
  }
  sometime(scenario.pauses, host => {
    world.count('standstill')
    host.pausedUntil = schedule.now + random.integer(STANDSTILL_MS)
  })
  sometime(scenario.fullDisks, host => {
    world.count('disk full')
    host.fullUntil = schedule.now + random.integer(STANDSTILL_MS)
  })
  sometime(scenario.powerLosses, spared => {
    world.count('power loss')
    // The one that keeps its power is cut off, so that the others must find out by themselves.
    network.isolate(hosts, spared)
    for (const host of hosts)
      if (host !== spared && random.chance(0.9)) world.crash(host, 20 + random.integer(80))
  })
  planDiskLosses(world)
  planClock(world)
  const { absent = [], absentFrom = 0 } = scenario
  schedule.after(absentFrom, () => {
    for (const host of hosts) if (absent.includes(host.validator)) host.crash()
  })
  schedule.after(healsAt, () => {
    network.mend()
    // A scenario that let nobody write tears the first write that there is.
    world.tears = world.tears > 0 && world.counted('torn write') === 0 ? 1 : 0
    for (const host of hosts) {
      if (scenario.overrides?.includes(host.instance) === true) {
        host.crash()
        host.overrides = true
      }
      host.heal()
    }
  })
}

function planDiskLosses(world: World): void {
  const { scenario, schedule, random, hosts } = world
  for (const [validator, loss] of scenario.lost) {
    const host = hosts.find(each => each.instance === validator)
    const at = scenario.lostAt ?? random.integer(scenario.healsAt)
    const before = random.integer(at + 1)
    schedule.after(before, () => {
      const backup = loss === 'empty' ? undefined : host?.disk
      schedule.after(at - before, () => {
        if (host === undefined) return
        world.count(`disk ${loss}`)
        world.crash(host, 20 + random.integer(200))
        host.restore(backup, loss === 'chain-rolled-back')
      })
    })
  }
}

function planClock(world: World): void {
  const { scenario, schedule, random, hosts } = world
  const { clockJump, healsAt } = scenario
  const host = hosts.find(each => each.instance === clockJump?.validator)
  if (clockJump === undefined || host === undefined) return
  schedule.after(random.integer(healsAt), () => {
    world.count('clock jump')
    host.clockOffset += clockJump.ms
  })
}
