import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { npmStart, vitalchain, type Finished } from './command.ts'
import { filledCells, vitalsCsv } from './vitals.ts'

interface Summary {
  readonly readings: number
  readonly batches: number
  readonly viewChanges: number
  readonly validators: readonly { readonly height: number; readonly head: string }[]
  readonly devices: readonly { readonly hospitals: readonly string[] }[]
  readonly kill: { readonly before: { pid: number }; readonly after: { view: number; pid: number } }
}

const NOTE = 'MARKER: born 1961-04-12, room 7'

t.test(
  'a replay survives the kill of its primary, and everything can be checked afterwards',
  async t => {
    const csv = vitalsCsv(200, 7)
    const dir = t.testdir({ 'ward.csv': csv })
    const readings = join(dir, 'ward.csv')
    const data = join(dir, 'data')
    const options = ['--batch', '20', '--kill', 'primary@40%', '--note', NOTE, '--exit-when-done']
    const ran = npmStart('--readings', readings, '--data-dir', data, '--json', ...options)
    t.teardown(() => ran.child.kill('SIGTERM'))
    const { code, out, err } = await ran.finished()
    t.equal(code, 0, `${out}${err}`)

    const summary = JSON.parse(out) as Summary
    // Each device records the note first.
    const total = filledCells(csv) + 3
    t.match(summary, {
      readings: total,
      accepted: total,
      committed: total,
      lost: 0,
      duplicates: 0,
      receiptsVerified: summary.batches,
      latencyMs: { p50: Number, p99: Number },
      ok: true
    })
    t.equal(summary.validators.length, 4)
    t.equal(new Set(summary.validators.map(each => JSON.stringify({ ...each, name: '' }))).size, 1)
    t.same(
      summary.devices.map(({ hospitals }) => hospitals[0]),
      ['Hospital 1', 'Hospital 2', 'Hospital 3'],
      'each device submits to another hospital'
    )
    t.ok(summary.viewChanges > 0, 'a later view decided without the primary')
    t.ok(summary.kill.after.view > 0)
    t.not(summary.kill.after.pid, summary.kill.before.pid)
    t.match(err, /killed Hospital \d, the primary, at 40 % .*height \d+, process \d+, view \d+/)
    t.match(
      err,
      /back: before height \d+, process \d+, view \d+; after height \d+, process \d+, view [1-9]/
    )
    t.match(err, /H1 \d+\/\d+ .*readings \d+ accepted, \d+ committed/, 'a progress line')

    await t.test('each hospital alone gives back every cell', async t => {
      for (const hospital of [1, 2, 3, 4]) {
        const from = [
          '--data-dir',
          join(data, `hospital-${hospital}`),
          '--keys',
          join(data, 'keys.json')
        ]
        const file = join(dir, `back-${hospital}.csv`)
        await succeeds(t, 'export', ...from, '--like', readings, '--out', file)
        t.equal(await readFile(file, 'utf8'), csv)
      }
      const from = ['--data-dir', join(data, 'hospital-3'), '--keys', join(data, 'keys.json')]
      const long = (await succeeds(t, 'export', ...from)).out.trimEnd().split('\n')
      t.equal(long.length, total + 1)
      t.equal(long.filter(line => line.includes(NOTE)).length, 3)
      t.equal(
        long.filter(line => line.endsWith(',0,sensor-off')).length,
        csv.split(/[,\r]/).filter(cell => cell === '0.0').length,
        'a sensor that was off is flagged'
      )
    })

    await t.test('every receipt is valid, without any node', async t => {
      const genesis = join(data, 'genesis.cbor')
      const argv = ['verify', join(data, 'receipts'), '--genesis', genesis, '--quiet']
      const { out } = await succeeds(t, ...argv)
      const lines = out.trimEnd().split('\n')
      t.equal(lines.length, summary.batches)
      t.ok(lines.every(line => line.startsWith('VALID ')))
    })

    await t.test('what was encrypted is in no store and no log; what was not is found', async t => {
      for (const hospital of [1, 2, 3, 4]) {
        const own = join(data, `hospital-${hospital}`)
        const secret = await vitalchain('dump', '--data-dir', own, '--grep', 'MARKER').finished()
        t.match(secret, { code: 1, out: '' })
        const model = ['dump', '--data-dir', own, '--grep', 'vitalchain simulated monitor']
        t.match((await succeeds(t, ...model)).out, /"store":"state"/)
        const log = readFileSync(join(own, 'node.log'), 'utf8')
        t.ok(log.length > 0)
        t.notMatch(log, 'MARKER')
      }
      for (const receipt of readdirSync(join(data, 'receipts')))
        t.notOk(readFileSync(join(data, 'receipts', receipt)).includes('MARKER'), receipt)
    })

    await t.test('a damaged receipt is not', async t => {
      const [name = ''] = readdirSync(join(data, 'receipts'))
      const bytes = readFileSync(join(data, 'receipts', name))
      bytes[bytes.length - 1]! ^= 1
      const file = join(dir, 'damaged.receipt')
      await writeFile(file, bytes)
      const genesis = join(data, 'genesis.cbor')
      const { code, out } = await vitalchain('verify', file, '--genesis', genesis).finished()
      t.equal(code, 1)
      t.match(out, /^INVALID .*\(ERR_/)
    })
  }
)

const icu = fileURLToPath(
  new URL('../../../shared/data/mimic-numerics/s00001n.csv', import.meta.url)
)

t.test(
  'the first hours of a real monitor come back cell by cell',
  { skip: existsSync(icu) ? false : 'the data is not here' },
  async t => {
    const csv = `${readFileSync(icu, 'utf8').split('\n').slice(0, 201).join('\n')}\n`
    const dir = t.testdir({ 'icu.csv': csv })
    const [readings, data, back] = ['icu.csv', 'data', 'back.csv'].map(name => join(dir, name)) as [
      string,
      string,
      string
    ]
    const ran = vitalchain('dev', '--readings', readings, '--data-dir', data, '--exit-when-done')
    t.teardown(() => ran.child.kill('SIGTERM'))
    const { code, out, err } = await ran.finished()
    t.equal(code, 0, `${out}${err}`)
    t.match(out, /readings +1472 recorded, 1472 accepted, 1472 committed\n[^]*all is well\n$/)
    const from = ['--data-dir', join(data, 'hospital-4'), '--keys', join(data, 'keys.json')]
    await succeeds(t, 'export', ...from, '--like', readings, '--out', back)
    t.equal(await readFile(back, 'utf8'), csv)
  }
)

async function succeeds(t: Test, ...argv: readonly string[]): Promise<Finished> {
  const finished = await vitalchain(...argv).finished()
  t.equal(finished.code, 0, `${argv.join(' ')}: ${finished.err}`)
  return finished
}
