import { VitalchainError } from '@vitalchain/core'

/** Which validator to kill, and when. */
export interface KillPlan {
  /** Index of the validator, or whoever leads at that moment. */
  readonly victim: number | 'primary'
  /** The share of the readings that must be committed before, above 0 and below 1. */
  readonly share: number
}

/**
 * Reads `2@40%` or `primary@40%`; validators count from 1.
 *
 * @throws VitalchainError `ERR_USAGE`
 */
export function parseKillPlan(text: string, validators: number): KillPlan {
  const match = /^(primary|[1-9]\d{0,2})@([1-9]\d?)%$/.exec(text)
  const [, who = '', percent = ''] = match ?? []
  if (match === null) {
    throw new VitalchainError(
      'ERR_USAGE',
      `expected a validator or "primary" and a share of 1 to 99 %, such as 2@40%, not "${text}"`
    )
  }
  if (who !== 'primary' && Number(who) > validators) {
    throw new VitalchainError('ERR_USAGE', `there is no validator ${who} among ${validators}`)
  }
  return { victim: who === 'primary' ? who : Number(who) - 1, share: Number(percent) / 100 }
}
