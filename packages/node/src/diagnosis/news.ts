import type { ErrorValues } from '@vitalchain/core'
import type { Diagnosis } from './types.ts'

/** Says in the log what is new in a diagnosis, in the words that everybody else reads. */
export interface News {
  /** Makes a diagnosis and says what is new. What lasts a moment is no news: it is said when the next look finds it too. */
  look(): Promise<void>
}

/** Makes {@link News}. */
export function createNews(
  diagnose: () => Promise<Diagnosis>,
  log: (event: string, values: ErrorValues) => void
): News {
  let before: string | undefined
  let told: string | undefined
  return {
    async look() {
      const { healthy, summary, findings } = await diagnose()
      const shown = findings.filter(({ severity }) => severity !== 'note')
      // The codes, not the sentences: those tell how long it has been so.
      const found = shown.map(({ code, subject = '' }) => `${code} ${subject}`).join('\n')
      const isNews = found === before && found !== told
      before = found
      if (!isNews) return
      told = found
      log('diagnosis', { healthy: String(healthy), summary })
      for (const { code, severity, subject, text, act } of shown)
        log('finding', { code, severity, ...(subject === undefined ? {} : { subject }), text, act })
    }
  }
}
