/* oxlint-disable typescript/no-unsafe-assignment, typescript/no-unsafe-return, typescript/no-unsafe-argument -- plain JavaScript has no types */
// `npm start`: a whole network on this machine, from source. Plain JavaScript, because it must say what it needs also
// on a Node that is too old for the rest. npm puts node_modules/.bin first into the path, so `node` is the one that
// the repository brings where there is one for the platform.
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const [major, minor] = process.versions.node.split('.').map(Number)
if (major < 22 || (major === 22 && minor < 18)) {
  process.stderr.write(
    `vitalchain needs Node 22.18 or newer; this is Node ${process.versions.node}\n`
  )
  process.exit(1)
}

const entry = fileURLToPath(new URL('../packages/node/src/cli/bin.ts', import.meta.url))
const child = spawn(
  process.execPath,
  ['--conditions=@vitalchain/source', entry, 'dev', ...process.argv.slice(2)],
  { stdio: 'inherit' }
)
// A terminal's Ctrl-C reaches both; the child counts only the first.
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal))
child.on('exit', (code, signal) => {
  process.exitCode = signal === null ? (code ?? 1) : 1
})
