import { execFile, spawnSync } from 'node:child_process'
import { promisify } from 'node:util'
import type { Command } from 'commander'
import t from 'tap'
import { createProgram } from '../../src/cli/main.ts'
import { run } from './run.ts'

const program = createProgram(
  {
    out: () => undefined,
    err: () => undefined,
    stop: new AbortController().signal,
    inputEnd: () => new Promise(() => undefined)
  },
  async () => undefined
)

/** Every command that does something, with the words that name it. */
function leaves(command: Command, path: readonly string[] = []): readonly [string[], Command][] {
  if (command.commands.length === 0) return [[[...path], command]]
  return command.commands.flatMap(each => leaves(each, [...path, each.name()]))
}

t.test('every command has an example in its help that names it, and takes --json', async t => {
  const all = leaves(program)
  t.ok(all.length > 30, `${all.length} commands`)
  for (const [path, command] of all) {
    const name = path.join(' ')
    const { exit, out } = await run(...path, '--help')
    t.equal(exit, 0, name)
    t.match(out.join('\n'), new RegExp(`Examples?:\n(.*\n)*.*vitalchain ${name}( |$)`, 'm'), name)
    t.ok(
      command.options.some(({ long }) => long === '--json'),
      `${name} --json`
    )
  }
})

t.test('a mistyped command or flag is answered with the one that was probably meant', async t => {
  for (const [argv, meant] of [
    [['strat'], 'start'],
    [['member', 'aprove', 'x'], 'approve'],
    [['status', '--data-dir', 'x', '--jsno'], '--json'],
    [['init', '--data-dir', 'x', '--name', 'y', '--http-prot', '1'], '--http-port']
  ] as const) {
    const { exit, err } = await run(...argv)
    t.equal(exit, 2)
    t.match(err.join('\n'), `(Did you mean ${meant}?)`)
  }
})

t.test('with --json an error is one line of JSON', async t => {
  const { exit, err } = await run('status', '--data-dir', '/does/not/exist', '--json')
  t.equal(exit, 2)
  t.match(JSON.parse(err[0] ?? ''), { error: { code: 'ERR_FILE', retryable: false } })
  const wrong = await run('status', '--data-dir', 'x', '--jsno', '--json')
  t.match(JSON.parse(wrong.err[0] ?? ''), { error: { code: 'ERR_USAGE', message: /--json\?/ } })
})

t.test('VITALCHAIN_DATA_DIR stands for --data-dir', async t => {
  const dataDir = t.testdir({ 'node.json': '{"http": {"port": 7001}}' })
  process.env['VITALCHAIN_DATA_DIR'] = dataDir
  t.teardown(() => delete process.env['VITALCHAIN_DATA_DIR'])
  t.match(await run('config', 'validate'), { exit: 0 })
})

t.test('a shell is told which words may follow', async t => {
  for (const [typed, words] of [
    [['mem'], ['member']],
    [['member', 'app'], ['approve']],
    [['member', 'list', '--js'], ['--json']],
    [
      ['receipt', 'x', '--form', ''],
      ['cbor', 'json', 'tlog-proof', 'cose']
    ],
    [
      ['completion', 'script', ''],
      ['bash', 'zsh', 'fish']
    ],
    [['start', '--data-dir', ''], []]
  ] as const)
    t.same((await run('completion', 'words', '--', ...typed)).out, words)
})

/** Asks a shell; the command is one that says what it was asked. */
const SHELL_ASKS = {
  bash: (script: string) => `
    vitalchain() { printf '%s\\n' "$@"; }
    ${script}
    COMP_WORDS=(vitalchain member ap); COMP_CWORD=2; _vitalchain; printf '%s ' "\${COMPREPLY[@]}"`,
  zsh: (script: string) => `
    vitalchain() { printf '%s\\n' "$@"; }
    compdef() { :; }; compadd() { shift; printf '%s ' "$@"; }
    ${script}
    words=(vitalchain member ap); CURRENT=3; _vitalchain`,
  fish: (script: string) => `
    function vitalchain; printf '%s\\n' $argv; end
    ${script}
    complete -C 'vitalchain member ap'`
}

for (const [shell, ask] of Object.entries(SHELL_ASKS)) {
  const { error } = spawnSync(shell, ['-c', 'true'])
  const skip = error !== undefined && `no ${shell} here`
  t.test(`the script for ${shell} completes`, { skip }, async t => {
    const { out } = await run('completion', 'script', shell)
    const { stdout } = await promisify(execFile)(shell, ['-c', ask(out.join('\n'))])
    // fish gives only what begins with what is typed, and so not the words before it.
    t.equal(stdout.trim(), shell === 'fish' ? 'ap' : 'completion words -- member ap')
  })
}
