import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { errorCode } from '@vitalchain/core'
import * as fc from 'fast-check'
import t from 'tap'
import { configJsonSchema } from '../../src/config/json-schema.ts'
import { loadConfig } from '../../src/config/load-config.ts'
import { SETTINGS, variableOf } from '../../src/config/settings.ts'
import { writeSetting } from '../../src/config/write-setting.ts'
import { run } from '../cli/run.ts'

t.test(
  'a flag is before the environment, that before the file, that before the default',
  async t => {
    const dataDir = t.testdir({
      'node.json': '{"http": {"port": 7001}, "timings": true, "signer": "/from/file"}'
    })
    const env = {
      VITALCHAIN_HTTP_PORT: '7002',
      VITALCHAIN_SIGNER: '/from/env',
      VITALCHAIN_MQTT: ''
    }
    const flags = new Map<string, unknown>([['signer', '/from/flag']])
    const { config, settings } = await loadConfig({ dataDir, flags, env })
    t.match(config, {
      signer: '/from/flag',
      timings: true,
      http: { port: 7002, host: '127.0.0.1' }
    })
    const sources = Object.fromEntries(
      settings.map(({ setting, source }) => [setting.path, source])
    )
    t.match(sources, {
      signer: '--signer',
      'http.port': 'VITALCHAIN_HTTP_PORT',
      'http.host': 'default',
      timings: join(dataDir, 'node.json'),
      mqtt: 'not set'
    })
  }
)

t.test('lists of the environment are separated by commas or spaces', async t => {
  const dataDir = t.testdir({ 'node.json': '{}' })
  const env = { VITALCHAIN_LISTEN: '/ip4/0.0.0.0/tcp/4001, /ip6/::/tcp/4001' }
  t.same((await loadConfig({ dataDir, env })).config.listen, [
    '/ip4/0.0.0.0/tcp/4001',
    '/ip6/::/tcp/4001'
  ])
})

t.test('the same settings are read from YAML', async t => {
  const yaml = 'http:\n  port: 7001 # as the firewall has it\ntimings: true\n'
  const dataDir = t.testdir({ 'node.yaml': yaml })
  t.match((await loadConfig({ dataDir, env: {} })).config, { timings: true, http: { port: 7001 } })
  await writeSetting(dataDir, 'bootstrap', ['/ip4/127.0.0.1/tcp/1'])
  t.match(await readFile(join(dataDir, 'node.yaml'), 'utf8'), '# as the firewall has it')
  t.same((await loadConfig({ dataDir, env: {} })).config.bootstrap, ['/ip4/127.0.0.1/tcp/1'])
  await writeFile(join(dataDir, 'node.json'), '{}')
  await t.rejects(loadConfig({ dataDir, env: {} }), { code: 'ERR_FILE' }, 'two files')
})

t.test('what is wrong is refused with its layer, its setting and what was meant', async t => {
  for (const [text, message] of [
    [
      '{"http": {"prot": 1}}',
      /node\.json: there is no setting http\.prot \(did you mean http\.port\?\)$/
    ],
    ['{"htpp": {"port": 1}}', /no setting htpp \(did you mean http\?\)$/],
    ['{"listem": []}', /no setting listem \(did you mean listen\?\)$/],
    ['{"zzzzzzzz": 1}', /no setting zzzzzzzz$/],
    [
      '{"http": {"port": 70000}}',
      /http\.port: expected a whole number from 0 to 65535, not 70000$/
    ],
    ['{"http": 7}', /http: expected an object with settings$/],
    ['{"listen": ["127.0.0.1:1"]}', /listen: expected a list of multiaddrs/],
    ['{"timings": "yes"}', /timings: expected true or false, not "yes"$/],
    ['[]', /node\.json: expected an object with settings$/]
  ] as const) {
    const dataDir = t.testdir({ 'node.json': text })
    await t.rejects(loadConfig({ dataDir, env: {} }), { code: 'ERR_CONFIG', message }, text)
  }
  const dataDir = t.testdir({ 'node.json': '{}' })
  const env = { VITALCHAIN_HTTP_PORT: 'many' }
  await t.rejects(loadConfig({ dataDir, env }), {
    code: 'ERR_CONFIG',
    message: /^VITALCHAIN_HTTP_PORT: http\.port: .*not "many"$/
  })
})

t.test('a value of JSON or YAML that cannot be read stays out of the error', async t => {
  for (const name of ['node.json', 'node.yaml']) {
    const dataDir = t.testdir({ [name]: '{"mqttPassword": "hunter22", ' })
    const error: unknown = await loadConfig({ dataDir, env: {} }).catch((each: unknown) => each)
    t.match(error, { code: 'ERR_FILE' })
    t.notMatch(String(error), 'hunter22')
  }
})

t.test('config show hides secrets, and says where each value is from', async t => {
  const dataDir = t.testdir({
    'node.json': '{"mqttPassword": "hunter22", "mqtt": "mqtt://node:hunter33@broker:1883"}'
  })
  for (const flags of [[], ['--json']]) {
    const { exit, out } = await run(
      'config',
      'show',
      '--data-dir',
      dataDir,
      '--http-port',
      '9',
      ...flags
    )
    t.equal(exit, 0)
    const text = out.join('\n')
    t.notMatch(text, /hunter/)
    t.match(text, 'mqtt://node:***@broker:1883')
    t.match(text, /http\.port.*--http-port/)
  }
})

t.test('config validate finds a variable that is no setting', async t => {
  const dataDir = t.testdir({ 'node.json': '{}' })
  const validate = ['config', 'validate', '--data-dir', dataDir] as const
  t.match(await run(...validate), { exit: 0 })
  process.env['VITALCHAIN_HTTP_PROT'] = '7001'
  t.teardown(() => delete process.env['VITALCHAIN_HTTP_PROT'])
  t.match(await run(...validate), {
    exit: 2,
    err: [/no setting VITALCHAIN_HTTP_PROT \(did you mean VITALCHAIN_HTTP_PORT\?\) \(ERR_CONFIG\)$/]
  })
})

t.test('config validate finds settings that do not fit each other', async t => {
  const validate = async (http: object): ReturnType<typeof run> => {
    const dataDir = t.testdir({ 'node.json': JSON.stringify({ http }) })
    return run('config', 'validate', '--data-dir', dataDir)
  }
  t.match(await validate({ host: '0.0.0.0' }), { exit: 2, err: [/http\.allowRemote must be true/] })
  t.match(await validate({ host: '0.0.0.0', allowRemote: true }), { exit: 0 })
  t.match(await validate({ tlsKey: 'node.key' }), { exit: 2, err: [/belong together/] })
})

t.test('the published JSON Schema is that of the settings', async t => {
  const file = join(import.meta.dirname, '..', '..', 'node-config.schema.json')
  t.same(JSON.parse(await readFile(file, 'utf8')), configJsonSchema())
  const names = SETTINGS.map(variableOf)
  t.equal(new Set(names).size, names.length, 'no two settings have one variable')
})

t.test('config set changes one setting of the file and nothing else', async t => {
  const dataDir = t.testdir({ 'node.json': '{"http": {"host": "::1", "port": 7001}}' })
  const set = (...argv: readonly string[]): ReturnType<typeof run> =>
    run('config', 'set', ...argv, '--data-dir', dataDir)
  t.match(await set('http.port', '7002'), { exit: 0 })
  t.match(await set('followers', 'one', 'two'), { exit: 0 })
  t.same(JSON.parse(await readFile(join(dataDir, 'node.json'), 'utf8')), {
    http: { host: '::1', port: 7002 },
    followers: ['one', 'two']
  })
  t.match(await set('followers'), { exit: 0 })
  t.match(await set('http.prot', '1'), { exit: 2, err: [/did you mean http\.port/] })
  t.match(await set('http.port', 'many'), { exit: 2, err: [/ERR_CONFIG/] })
  t.same(JSON.parse(await readFile(join(dataDir, 'node.json'), 'utf8')), {
    http: { host: '::1', port: 7002 }
  })
})

t.test('whatever a file holds is settings, or is refused with a code', async t => {
  const names = [...SETTINGS.map(({ path }) => path.split('.')[0] ?? ''), 'x', '__proto__']
  const tree = fc.dictionary(fc.constantFrom(...names), fc.jsonValue({ maxDepth: 2 }), {
    maxKeys: 3
  })
  const property = fc.asyncProperty(fc.oneof(tree, fc.jsonValue()), async value => {
    const file = join(t.testdirName, 'node.json')
    await writeFile(file, JSON.stringify(value))
    const code = await loadConfig({ dataDir: t.testdirName, env: {} }).then(
      () => undefined,
      (error: unknown) => errorCode(error)
    )
    return code === undefined || code === 'ERR_CONFIG'
  })
  t.testdir({})
  await fc.assert(property, { numRuns: 300, seed: 1 })
})
