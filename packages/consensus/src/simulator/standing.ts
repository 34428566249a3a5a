import { contextOf, validatorsAt } from './chain.ts'
import type { Host } from './host.ts'
import { keyIn, membersOf } from './members.ts'
import type { HeightContext } from './replica.ts'
import type { World } from './world.ts'

/** What a machine tells its replica about the next height. */
export function contextFor(world: World, host: Host): HeightContext {
  const context = contextOf(host.disk.chain, world.keys)
  const honest = world.isHonest(host.validator)
  const validators = honest ? world.mutant?.validators?.(context, host, world) : undefined
  return validators === undefined ? context : { ...context, validators }
}

/**
 * Changes to the key that the chain gives to a machine's member, never back; says whether. A key that never voted needs no
 * vote state: who had lost its own may vote again. spec C-45, C-47.
 */
export function takeKey(world: World, host: Host): boolean {
  const { keys } = world
  const key = keyIn(keys, contextOf(host.disk.chain, keys).validators, host.validator)
  const keeps = world.mutant?.keepsKey === true && world.isHonest(host.validator)
  if (key === undefined || key <= host.key || keeps) return false
  world.note(host, 'takes its new key', host.height + 1)
  host.key = key
  host.observes = false
  host.disk = { ...host.disk, voteState: undefined, torn: undefined }
  return true
}

/**
 * Whether it is time to switch off the machine of a member that was removed: once the block after is decided. Until
 * then the validators that it left may need it, as only the next quorum proves that enough of them know the decision.
 * spec C-46.
 */
export function leaves(world: World, host: Host): boolean {
  const { keys } = world
  const { chain } = host.disk
  const isIn = (height: number): boolean =>
    membersOf(keys, validatorsAt(chain, keys, height)).includes(host.validator)
  if (isIn(host.height + 1) || isIn(host.height)) return false
  return chain.some((_, k) => isIn(k + 1)) && world.isHonest(host.validator)
}
