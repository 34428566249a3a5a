import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { nodeVersionFault } from '../../src/cli/node-version.ts'

const bin = fileURLToPath(new URL('../../src/cli/bin.ts', import.meta.url))
const start = fileURLToPath(new URL('../../../../tools/start.mjs', import.meta.url))

/** Makes this Node say that it is another. */
function pretend(version: string): string {
  return `--import=data:text/javascript,${encodeURIComponent(
    `Object.defineProperty(process.versions, 'node', { value: '${version}' })`
  )}`
}

function runNode(...argv: string[]): Promise<{ code: unknown; stdout: string; stderr: string }> {
  return new Promise(resolve => {
    execFile(process.execPath, argv, (error, stdout, stderr) => {
      resolve({ code: error?.code ?? 0, stdout, stderr })
    })
  })
}

t.test('versions of Node from 22.18 on will do', async t => {
  for (const version of ['22.18.0', '22.20.1', '23.0.0', '24.21.0', '100.0.0'])
    t.equal(nodeVersionFault(version), undefined, version)
  for (const version of ['18.0.0', '20.20.2', '22.9.0', '22.17.1'])
    t.match(nodeVersionFault(version), version)
})

t.test(
  'an older Node is told what is needed, in one line, by the command and by npm start',
  async t => {
    for (const entry of [bin, start]) {
      const { code, stdout, stderr } = await runNode(pretend('20.20.2'), entry, '--version')
      t.equal(code, 1)
      t.equal(stdout, '')
      t.match(stderr, /^vitalchain needs Node 22\.18.* or newer; this is Node 20\.20\.2\n$/)
    }
  }
)

t.test('the command and npm start run', async t => {
  const conditions = '--conditions=@vitalchain/source'
  const version = await runNode(conditions, bin, '--version')
  t.match(version, { code: 0, stdout: /^\d+\.\d+\.\d+/ }, version.stderr)
  const wrong = await runNode(start, '--batch', 'many')
  t.match(wrong, { code: 2, stdout: '', stderr: /argument 'many' is invalid/ })
})
