import type { DeviceAnswer, DeviceRequest } from '@vitalchain/core'
import type { DeviceConnection, DeviceTransport } from '../../src/index.ts'
import type { Dice } from './dice.ts'

/** How many of so many messages share one fault of each kind. */
const ONE_IN = 60

/**
 * A network that drops, doubles and reorders messages and breaks connections, in front of a transport that does not.
 *
 * @param outages - for three nodes that can be reached, so many cannot
 * @param tick - called for each message; false = the device that uses it is dead, and nothing ever answers
 */
export function roughTransport(
  inner: DeviceTransport,
  dice: Dice,
  tick: () => boolean,
  outages: number = 1
): DeviceTransport {
  return {
    name: inner.name,
    async connect(options) {
      if (!tick()) return new Promise(() => undefined)
      if (dice.roll(outages + 3) < outages) throw new Error('unreachable')
      return rough(await inner.connect(options), dice, tick)
    }
  }
}

function rough(connection: DeviceConnection, dice: Dice, tick: () => boolean): DeviceConnection {
  let late: DeviceRequest | undefined
  const lost = async (): Promise<never> => {
    await connection.close()
    throw new Error('connection lost')
  }
  return {
    async send(request) {
      if (!tick()) return new Promise(() => undefined)
      const fate = dice.roll(ONE_IN)
      if (fate === 0) return
      if (fate === 1) return lost()
      if (fate === 2 && late === undefined) {
        late = request
        return
      }
      await connection.send(request)
      if (fate === 3) await connection.send(request)
      const before = late
      late = undefined
      if (before !== undefined) await connection.send(before)
    },
    answers: roughAnswers(connection, dice, tick),
    close: () => connection.close()
  }
}

async function* roughAnswers(
  connection: DeviceConnection,
  dice: Dice,
  tick: () => boolean
): AsyncGenerator<DeviceAnswer> {
  let late: DeviceAnswer | undefined
  for await (const answer of connection.answers) {
    if (!tick()) await new Promise(() => undefined)
    const fate = dice.roll(ONE_IN)
    if (fate === 0) continue
    if (fate === 1) return
    if (fate === 2 && late === undefined) {
      late = answer
      continue
    }
    yield answer
    if (fate === 3) yield answer
    if (late !== undefined) yield late
    late = undefined
  }
}
