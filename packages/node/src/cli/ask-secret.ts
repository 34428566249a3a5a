import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'
import { VitalchainError } from '@vitalchain/core'

/**
 * Asks the person at the terminal for something that is not shown while it is typed.
 *
 * @throws VitalchainError `ERR_INTERRUPTED` for Ctrl-C and Ctrl-D
 */
export function askSecret(question: string): Promise<string> {
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() })
  // As a terminal: then it reads key by key, and what it would show goes nowhere.
  const lines = createInterface({ input: process.stdin, output: silent, terminal: true })
  process.stderr.write(question)
  return new Promise((resolve, reject) => {
    lines.once('SIGINT', () => lines.close())
    lines.once('close', () => {
      process.stderr.write('\n')
      reject(new VitalchainError('ERR_INTERRUPTED', 'it was told to end'))
    })
    lines.once('line', line => {
      resolve(line)
      lines.close()
    })
  })
}
