import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { plainEnvironment } from '../plain-processes.ts'

const root = join(import.meta.dirname, '../..')

/** Where the real recordings are. They do not travel with the project. */
const data = process.env['VITALCHAIN_DATA'] ?? join(root, '../shared/data')

interface Ended {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** What the tool says, and how it ends. */
async function replay(...args: readonly string[]): Promise<Ended> {
  const tool = join(root, 'tools/replay-data.ts')
  try {
    const said = await promisify(execFile)(
      process.execPath,
      ['--conditions=@vitalchain/source', tool, ...args],
      { cwd: root, env: plainEnvironment(), timeout: 180_000 }
    )
    return { code: 0, ...said }
  } catch (error) {
    const { code, stdout, stderr } = error as Ended
    return { code, stdout, stderr }
  }
}

/** Two leads in format 212: 5 000 samples that rise and fall, one of them not measured. */
async function writeRecord(folder: string, checksumOff = 0): Promise<void> {
  const bytes = new Uint8Array(15_000)
  const sums = [0, 0]
  const initials: number[] = []
  for (let k = 0; k < 5_000; k++) {
    const beat = k % 250 < 8 ? 400 - 90 * (k % 250) : 0
    const pair = [k === 77 ? -2_048 : 995 + beat, 1_011 - ((k * 7) % 13) - Math.floor(beat / 3)]
    const [a = 0, b = 0] = pair.map(each => each & 0xfff)
    bytes.set([a & 0xff, (a >> 8) | ((b >> 8) << 4), b & 0xff], 3 * k)
    if (k === 0) initials.push(...pair)
    for (const [lead, each] of pair.entries()) sums[lead] = ((sums[lead] ?? 0) + each) & 0xffff
  }
  const [one = 0, two = 0] = sums.map(sum => (sum > 0x7fff ? sum - 0x1_0000 : sum))
  const lines = [
    'made 2 250 5000',
    `made.dat 212 200 11 1024 ${initials[0]} ${one + checksumOff} 0 MLII`,
    `made.dat 212 409.6(1000)/uV 11 1024 ${initials[1]} ${two} 0 V5`,
    '# made up by a test'
  ]
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, 'made.hea'), `${lines.join('\n')}\n`)
  await writeFile(join(folder, 'made.dat'), bytes)
}

function row(id: string, time: number, value: number): string {
  return `${id},${new Date(time).toISOString().replace('.000', '')},${value},diabetic`
}

async function writeGlucose(folder: string): Promise<void> {
  const rows = Array.from({ length: 50 }, (_, k) => {
    // The second half of the one person's sensor says it is 14 months later.
    const jump = k < 25 ? 0 : 425 * 86_400_000
    const time = Date.UTC(2014, 1, 3) + k * 300_000
    return [row('jumps', time + jump, 93 + k), row('steady', time, 180 - k)]
  })
  await mkdir(folder, { recursive: true })
  await writeFile(
    join(folder, 'hall_cgm.csv'),
    ['id,time,gl,diagnosis', ...rows.flat(), ''].join('\n')
  )
}

function checkReplay(t: Test, { code, stdout, stderr }: Ended): void {
  t.equal(code, 0, stderr)
  t.match(stdout, /all came back as it was\n$/)
  t.notMatch(stdout, /WRONG/)
}

t.test('recordings go through a device and a network and come back as they were', async t => {
  const [ecg, cgm] = [join(t.testdir(), 'ecg'), join(t.testdir(), 'cgm')]
  await writeRecord(ecg)
  await writeGlucose(cgm)
  const said = await replay('--ecg', ecg, '--seconds', '5', '--cgm', cgm, '--readings', '30')
  checkReplay(t, said)
  t.match(said.stdout, /2 leads of 5000 samples at 250 Hz\n {2}4 statements/)
  t.match(said.stdout, /made\.dat written again from what came back is the same 15000 bytes/)
  t.match(said.stdout, /jumps: recorded as given and flagged, times jump by 425 days/)
  t.match(said.stdout, /jumps: 1 statement tells of it without any key/)
  t.notMatch(said.stdout, /steady:/)
})

t.test('a record that its own header does not vouch for is not replayed', async t => {
  const folder = t.testdir()
  await writeRecord(folder, 1)
  const { code, stderr } = await replay('--ecg', folder)
  t.not(code, 0)
  t.match(stderr, /MLII: the sum is/)
})

const skip = existsSync(join(data, 'ecg-wfdb/100.hea'))
  ? false
  : `no recordings in ${data}; set VITALCHAIN_DATA`

t.test(
  '650 000 samples of a real electrocardiogram come back with their sums',
  { skip },
  async t => {
    const folder = join(data, 'ecg-wfdb')
    const said = await replay('--ecg', folder)
    checkReplay(t, said)
    const header = await readFile(join(folder, '100.hea'), 'utf8')
    t.match(header, '-22131')
    t.match(said.stdout, 'MLII: sum -22131 as the header says')
    t.match(said.stdout, 'V5: sum 20052 as the header says')
    const size = /(?<bytes>[\d.]+) encrypted/.exec(said.stdout)?.groups?.['bytes']
    t.ok(Number(size) < 0.6, `${size} bytes a sample`)
  }
)

t.test(
  'the readings of twelve people come back, and the 14 months that one jumps are told',
  { skip },
  async t => {
    const said = await replay('--cgm', join(data, 'cgm-hall2018'))
    checkReplay(t, said)
    t.match(said.stdout, '21738 readings of 12 people')
    t.match(said.stdout, /1636-69-001: recorded as given and flagged, times jump by 417 days/)
  }
)
