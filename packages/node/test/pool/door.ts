import { createAdmission, type Admission } from '../../src/pool/admission.ts'
import { createPool, type Pending, type Pool } from '../../src/pool/pool.ts'
import type { Ledger } from '../../src/ledger/ledger.ts'
import { START_MS, type SignedReading } from '../ledger/fixture.ts'
import type { Unit } from '../../src/pool/unit.ts'

/** A pool with its admission, and what they told. */
export interface Door {
  readonly pool: Pool
  readonly admission: Admission
  readonly refused: Pick<Pending, 'transaction'>[]
}

/** Makes the door of a ledger. */
export function createDoor(ledger: Ledger): Door {
  const pool = createPool(ledger.rules, ledger.state)
  const refused: Pick<Pending, 'transaction'>[] = []
  const admission = createAdmission({
    ledger,
    pool,
    now: () => START_MS + 60_000,
    onAdmitted: () => undefined,
    onRefused: each => void refused.push(each)
  })
  return { pool, admission, refused }
}

/** A reading as it is handed over. */
export function unitOf({ candidate, payload }: SignedReading): Unit {
  return { transaction: candidate.bytes, payload }
}

/** The same ledger with some of its functions replaced. */
export function altered(ledger: Ledger, changes: Partial<Ledger>): Ledger {
  return new Proxy(ledger, {
    get: (target, name) => Reflect.get(name in changes ? changes : target, name) as unknown
  })
}
