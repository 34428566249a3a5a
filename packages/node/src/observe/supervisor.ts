import { execFile } from 'node:child_process'
import { errorCode, type ErrorValues } from '@vitalchain/core'

/** How long telling the supervisor may take, ms: it is a message on this machine. */
const TELL_MS = 2_000

/** The supervisor of this process, as far as it wants to know (systemd's `Type=notify`, sd_notify(3)). Without one nothing is done. */
export interface Supervisor {
  /** The node takes part. Told again and again from now on that it lives, if the supervisor watches that. */
  ready(): Promise<void>
  /** The node is about to stop. */
  stopping(): Promise<void>
  /** Ends what {@link Supervisor.ready} began. */
  close(): void
}

/**
 * Makes the {@link Supervisor} of a process. Node.js has no Unix datagrams, so `systemd-notify` sends them, which is wherever
 * systemd is; the unit needs `NotifyAccess=all` for that.
 *
 * @param env - `NOTIFY_SOCKET`, `WATCHDOG_USEC` and `WATCHDOG_PID` as systemd sets them, and the `PATH`
 */
export function createSupervisor(
  env: Readonly<Record<string, string | undefined>>,
  log: (event: string, values: ErrorValues) => void
): Supervisor {
  let watchdog: NodeJS.Timeout | undefined

  /** Never fails: a node does not stop because nobody listens. */
  function tell(...lines: readonly string[]): Promise<void> {
    if (env['NOTIFY_SOCKET'] === undefined) return Promise.resolve()
    return new Promise(resolve => {
      execFile('systemd-notify', lines, { env: { ...env }, timeout: TELL_MS }, error => {
        if (error !== null) log('supervisor not told', { code: errorCode(error) })
        resolve()
      })
    })
  }

  return {
    async ready() {
      await tell('READY=1', 'STATUS=takes part')
      const everyMs = Number(env['WATCHDOG_USEC'] ?? 0) / 2_000
      const own = env['WATCHDOG_PID'] ?? String(process.pid)
      if (everyMs > 0 && own === String(process.pid))
        watchdog = setInterval(() => void tell('WATCHDOG=1'), everyMs).unref()
    },
    async stopping() {
      await tell('STOPPING=1', 'STATUS=drains')
    },
    close() {
      clearInterval(watchdog)
    }
  }
}
