import { spawn, spawnSync, type SpawnSyncReturns } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { parse } from 'yaml'
import { SETTINGS, variableOf } from '../../src/config/settings.ts'
import { createAdminApi } from '../../src/http/index.ts'
import { createRoleTokens } from '../../src/http/role-tokens.ts'
import { LOG_EVENTS } from '../../src/observe/log-events.ts'
import { createMetrics } from '../../src/observe/metrics.ts'
import { createTestNetwork } from '../../src/testing/test-network.ts'
import { run } from '../cli/run.ts'

const root = fileURLToPath(new URL('../../../..', import.meta.url))
const deploy = join(root, 'deploy')
const read = (...path: readonly string[]): string => readFileSync(join(deploy, ...path), 'utf8')

/** The end of the name of a histogram's parts. */
const PARTS = /_(?:bucket|sum|count)$/

const metrics = createMetrics({
  version: '0.1.0',
  dataDir: undefined,
  status() {
    throw new Error('it does not run')
  },
  members: () => []
})

/** Whether a tool is there, and what it said. */
function tool(name: string, ...args: readonly string[]): SpawnSyncReturns<string> {
  return spawnSync(name, args, { encoding: 'utf8', cwd: root })
}
const has = (name: string): boolean => tool(name, '--version').error === undefined
const noPromtool = !has('promtool') && 'promtool is not installed (Debian: prometheus)'
const noSystemd = !has('systemd-analyze') && 'systemd-analyze is not installed'

interface Rule {
  readonly alert: string
  readonly expr: string
  readonly labels: { readonly severity: string }
  readonly annotations: { readonly summary: string; readonly act: string }
}

const rules = (
  parse(read('prometheus', 'alerts.yml')) as { groups: readonly { rules: readonly Rule[] }[] }
).groups.flatMap(group => group.rules)

interface Panel {
  readonly id: number
  readonly title: string
  readonly targets?: readonly { readonly expr: string }[]
}

const dashboards = readdirSync(join(deploy, 'grafana', 'dashboards')).map(
  name =>
    JSON.parse(read('grafana', 'dashboards', name)) as {
      readonly title: string
      readonly panels: readonly Panel[]
    }
)
const shown = dashboards.flatMap(({ panels }) =>
  panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => ({ title, expr })))
)

t.test('alerts and dashboards name figures that the node has, and events that it logs', async t => {
  const names = metrics.names()
  const exprs = [...rules.map(({ alert, expr }) => ({ title: alert, expr })), ...shown]
  t.ok(exprs.length > 40, `${exprs.length} expressions`)
  for (const { title, expr } of exprs) {
    const named = expr.match(/\b(?:vitalchain|process|nodejs)_\w+/g) ?? []
    t.ok(named.length > 0 || expr.includes('up{'), title)
    for (const name of named) {
      const whole = names.has(name) ? name : name.replace(PARTS, '')
      t.ok(names.has(whole), `${title}: ${name}`)
      if (whole !== name) t.equal(names.get(whole), 'histogram', name)
    }
    for (const [, event] of expr.matchAll(/event="([^"]+)"/g))
      t.ok(LOG_EVENTS.includes(event!), `${title}: ${event}`)
  }
})

t.test('the guide lists every figure of the node, with its labels', async t => {
  const guide = readFileSync(join(root, 'docs', 'guides', 'watch.md'), 'utf8')
  const listed = [...guide.matchAll(/`(vitalchain_\w+)(?:\{[\w,]+\})?`/g)].map(([, name]) => name!)
  const own = [...metrics.names().keys()].filter(name => name.startsWith('vitalchain_'))
  t.same(listed.toSorted(), own.toSorted())
})

t.test('every alert says how bad it is, what it is and the next act', async t => {
  for (const { alert, labels, annotations } of rules) {
    t.match(labels.severity, /^(?:critical|warning)$/, alert)
    t.ok(annotations.summary.length > 20 && annotations.act.length > 10, alert)
  }
  t.equal(new Set(rules.map(({ alert }) => alert)).size, rules.length)
})

t.test('a panel has a number and a place of its own', async t => {
  for (const { panels } of dashboards) {
    t.equal(new Set(panels.map(({ id }) => id)).size, panels.length)
    t.equal(new Set(panels.map(each => JSON.stringify(Object(each).gridPos))).size, panels.length)
  }
})

t.test(
  'promtool takes the rules, what they say of a stall, and the queries',
  { skip: noPromtool },
  async t => {
    const check = (...args: readonly string[]): void => {
      const { status, stdout, stderr } = tool('promtool', ...args)
      t.equal(status, 0, `${args.join(' ')}\n${stdout}${stderr}`)
    }
    check('check', 'config', join(deploy, 'prometheus', 'prometheus.yml'))
    check('check', 'rules', join(deploy, 'prometheus', 'alerts.yml'))
    check('test', 'rules', join(deploy, 'prometheus', 'alerts.test.yml'))
    const queries = shown.map(({ expr }, k) => ({
      record: `panel_${k}`,
      expr: expr.replaceAll('$instance', '.*').replaceAll('$__rate_interval', '5m')
    }))
    const file = join(t.testdir(), 'panels.yml')
    writeFileSync(file, JSON.stringify({ groups: [{ name: 'panels', rules: queries }] }))
    check('check', 'rules', file)
  }
)

t.test('systemd takes the unit, and finds it closed', { skip: noSystemd }, async t => {
  // There is no such command on this machine, and the unit is about another.
  const unit = read('systemd', 'vitalchain.service').replace(
    /^ExecStart=\S+/m,
    'ExecStart=/bin/true'
  )
  const file = join(t.testdir(), 'vitalchain.service')
  writeFileSync(file, unit)
  const verified = tool('systemd-analyze', 'verify', file)
  t.equal(verified.status, 0, verified.stderr)
  t.equal(verified.stderr.trim(), '', 'no warning')
  const security = tool('systemd-analyze', 'security', '--offline=true', '--threshold=20', file)
  t.equal(security.status, 0, security.stdout.split('\n').at(-2) ?? security.stderr)
  t.match(unit, /^Type=notify$/m)
})

t.test('the image runs as nobody, and its health is asked where the node answers', async t => {
  const file = read('docker', 'Dockerfile')
  const final = file.slice(file.lastIndexOf('\nFROM '))
  t.match(final, /^USER node$/m)
  t.match(final, /^HEALTHCHECK .*health\.mjs/m)
  t.match(final, /^ENTRYPOINT \["vitalchain"\]$/m)
  t.notMatch(final, /^RUN .*\bnpm\b/m, 'nothing is installed for another processor')
  for (const [, sources = ''] of file.matchAll(/^COPY (?!--from)(?:--\S+ )*(.+) \S+$/gm))
    for (const source of sources.split(' '))
      t.ok(existsSync(join(root, source)), `${source} is there to be copied`)
  const { workspaces } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    workspaces: readonly string[]
  }
  t.same(workspaces, ['packages/*', 'docs'])
  for (const name of readdirSync(join(root, 'packages')))
    t.match(file, `COPY packages/${name}/package.json packages/${name}/`)
  const [, major = '0'] = /node:(\d+)\./.exec(file) ?? []
  t.ok(Number(major) >= 24)
})

/** How the health check of the image ends. */
const health = async (env: NodeJS.ProcessEnv): Promise<number | null> => {
  const child = spawn(process.execPath, [join(deploy, 'docker', 'health.mjs')], { env })
  await once(child, 'exit')
  return child.exitCode
}

t.test('the health of a container is that of its node', async t => {
  const network = await createTestNetwork({ validators: 1 })
  const api = createAdminApi({
    node: network.nodes[0]!,
    token: 'a-token-for-tests-0123456789abcdefgh',
    tokens: createRoleTokens(Date.now)
  })
  t.teardown(() => network.stop())
  const port = new URL(await api.listen({ port: 0 })).port
  t.equal(await health({ VITALCHAIN_ADMIN_PORT: port }), 0)
  t.equal(await health({ VITALCHAIN_HTTP_PORT: String(Number(port) - 100) }), 0)
  await api.close()
  t.equal(await health({ VITALCHAIN_ADMIN_PORT: port }), 1)
})

interface Service {
  readonly environment?: Readonly<Record<string, string>>
  readonly ports?: readonly string[]
  readonly volumes?: readonly string[]
  readonly read_only?: boolean
  readonly cap_drop?: readonly string[]
  readonly privileged?: boolean
}

t.test('the four hospitals of the compose file are those that Prometheus asks', async t => {
  const compose = parse(read('compose.yaml'), { merge: true }) as {
    readonly services: Readonly<Record<string, Service>>
    readonly volumes: Readonly<Record<string, unknown>>
  }
  const nodes = Object.entries(compose.services).filter(([name]) => name.startsWith('hospital-'))
  t.equal(nodes.length, 4)
  const variables = new Set(SETTINGS.map(variableOf))
  for (const [name, service] of nodes) {
    t.equal(service.read_only, true)
    t.same(service.cap_drop, ['ALL'])
    t.match(service.ports, [/^127\.0\.0\.1:/], 'published on loopback alone')
    t.same(service.volumes, [`${name}:/data`])
    t.ok(name in compose.volumes)
    t.equal(service.environment?.['VITALCHAIN_METRICS'], 'public')
    for (const variable of Object.keys(service.environment ?? {}))
      t.ok(variables.has(variable), `${variable} is a setting`)
  }
  const { scrape_configs: jobs } = parse(read('prometheus', 'prometheus.yml')) as {
    scrape_configs: readonly { static_configs: readonly { targets: readonly string[] }[] }[]
  }
  t.same(
    jobs[0]?.static_configs[0]?.targets,
    nodes.map(([name]) => `${name}:7700`)
  )
  for (const { volumes = [] } of Object.values(compose.services))
    for (const volume of volumes.filter(each => each.startsWith('./')))
      t.ok(existsSync(join(deploy, volume.split(':')[0]!)), volume)
})

t.test('the ceremony of the compose file makes four directories of one network', async t => {
  const directory = t.testdir()
  const bin = join(directory, 'bin')
  const network = join(directory, 'network')
  const entry = fileURLToPath(new URL('../../src/cli/bin.ts', import.meta.url))
  mkdirSync(bin)
  // Volumes are there, and empty, before anything is in them.
  for (const k of [1, 2, 3, 4]) mkdirSync(join(network, `hospital-${k}`), { recursive: true })
  const command = `#!/bin/sh\nexec '${process.execPath}' --conditions=@vitalchain/source '${entry}' "$@"\n`
  writeFileSync(join(bin, 'vitalchain'), command)
  chmodSync(join(bin, 'vitalchain'), 0o755)
  const found = (): SpawnSyncReturns<string> =>
    spawnSync('sh', [join(deploy, 'docker', 'found.sh'), network], {
      encoding: 'utf8',
      env: { ...process.env, PATH: `${bin}:${process.env['PATH']}` }
    })
  const first = found()
  t.equal(first.status, 0, first.stderr)
  const documents = [1, 2, 3, 4].map(k =>
    readFileSync(join(network, `hospital-${k}`, 'genesis.cbor')).toString('hex')
  )
  t.equal(new Set(documents).size, 1, 'one genesis')
  const third = join(network, 'hospital-3')
  const { exit, out } = await run('config', 'show', '--data-dir', third, '--json')
  t.equal(exit, 0)
  t.match(out.join(''), /\/dns4\/hospital-3\/tcp\/4001/)
  t.match(out.join(''), /\/dns4\/hospital-1\/tcp\/4001\/p2p\//)
  const again = found()
  t.equal(again.status, 0, 'founded once')
  t.match(again.stdout, /there already/)
})
