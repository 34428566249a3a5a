/**
 * What a token of the node's own people opens. `operator` may do everything, `reader` reads everything, `monitor` reads how the
 * node and the network are, and nothing of devices or readings.
 */
export type Role = 'operator' | 'reader' | 'monitor'

/** The roles, the one that opens most first. */
export const ROLES: readonly Role[] = ['operator', 'reader', 'monitor']

/** Whether a text is a {@link Role}. */
export function isRole(text: string): text is Role {
  return ROLES.some(each => each === text)
}
