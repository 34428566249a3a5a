import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Test } from 'tap'

/** Why there is no Mosquitto to test with; undefined when there is one. Debian has it in the package `mosquitto`. */
export function noMosquitto(): string | undefined {
  try {
    execFileSync('mosquitto', ['-h'], { stdio: 'ignore' })
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT')
      return 'mosquitto is not installed'
  }
  return undefined
}

/** A broker of its own for a test. */
export interface Mosquitto {
  readonly url: string
  /** Kills it, and starts it again on the same port with an empty memory, or with that on disk. */
  restart(): Promise<void>
}

/** Who may use a broker, and for what. */
export interface Access {
  /** Passwords by user. */
  readonly users: Readonly<Record<string, string>>
  /** Mosquitto's `acl_file`. */
  readonly rules: string
}

/** What a broker does beside passing messages on. */
export interface MosquittoOptions {
  /** Whether it keeps its sessions on disk. Then it is asked to end, and not killed, before it starts again. */
  readonly isDurable?: boolean
}

/** Starts a Mosquitto on a free port of the loopback, open to all unless told otherwise; it ends with the test. */
export async function startMosquitto(
  t: Test,
  access?: Access,
  { isDurable = false }: MosquittoOptions = {}
): Promise<Mosquitto> {
  const port = await freePort()
  // Not the test's own directory, which holds other things.
  const dir = await mkdtemp(join(tmpdir(), 'vitalchain-mosquitto-'))
  await writeFile(join(dir, 'passwords'), '', { mode: 0o600 })
  await writeFile(join(dir, 'rules'), access?.rules ?? '', { mode: 0o600 })
  for (const [user, password] of Object.entries(access?.users ?? {}))
    execFileSync('mosquitto_passwd', ['-b', join(dir, 'passwords'), user, password])
  const config = [
    `listener ${port} 127.0.0.1`,
    ...(isDurable ? ['persistence true', `persistence_location ${dir}/`] : ['persistence false']),
    'log_dest stderr',
    // Started by root it would become another user, who cannot read the files of the test.
    'user root',
    ...(access === undefined
      ? ['allow_anonymous true']
      : [
          'allow_anonymous false',
          `password_file ${join(dir, 'passwords')}`,
          `acl_file ${join(dir, 'rules')}`
        ])
  ]
  await writeFile(join(dir, 'mosquitto.conf'), `${config.join('\n')}\n`)
  let broker = await start(join(dir, 'mosquitto.conf'))
  const stop = async (): Promise<void> => {
    if (broker.exitCode !== null || broker.signalCode !== null) return
    broker.kill(isDurable ? 'SIGTERM' : 'SIGKILL')
    await once(broker, 'exit')
  }
  t.teardown(async () => {
    await stop()
    await rm(dir, { recursive: true, force: true })
  })
  return {
    url: `mqtt://127.0.0.1:${port}`,
    async restart() {
      await stop()
      broker = await start(join(dir, 'mosquitto.conf'))
    }
  }
}

async function start(config: string): Promise<ChildProcess> {
  const broker = spawn('mosquitto', ['-c', config, '-v'], { stdio: ['ignore', 'ignore', 'pipe'] })
  const lines = createInterface({ input: broker.stderr })
  for await (const line of lines) {
    if (!line.includes('running')) continue
    // It goes on to write, and must not stop because nobody reads.
    broker.stderr.resume()
    return broker
  }
  throw new Error('mosquitto did not start')
}

/** A port of the loopback that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
