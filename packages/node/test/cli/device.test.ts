import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  createSigner,
  deviceId,
  fromHex,
  sha256,
  toHex,
  utf8,
  verifyReceipt
} from '@vitalchain/core'
import { foundHospitals, type Hospital } from '../../src/dev/hospitals.ts'
import { startPlainProcesses } from '../plain-processes.ts'
import { run, type Ran } from './run.ts'
import t from 'tap'

startPlainProcesses()

const dir = join(t.testdir({}), 'network')
const { hospitals, founded } = await foundHospitals(dir, 4, () => undefined)
t.teardown(() => Promise.all(hospitals.map(({ process }) => process.kill())))
await Promise.all(hospitals.map(({ process }) => process.start()))
const [one, two] = hospitals as [Hospital, Hospital]

/** Runs `vitalchain device …` for the node of a hospital. */
function device(hospital: Hospital, ...argv: readonly string[]): Promise<Ran> {
  return run('device', ...argv, '--data-dir', hospital.dataDir, '--timeout', '20')
}

async function json(
  hospital: Hospital,
  ...argv: readonly string[]
): Promise<Record<string, unknown>> {
  const { exit, out, err } = await device(hospital, ...argv, '--json')
  if (exit !== 0) throw new Error(err.join('\n'))
  const value: unknown = JSON.parse(out.at(-1) ?? '')
  return Object.fromEntries(Object.entries(value ?? {}))
}

function publicKey(name: string): { hex: string; id: string } {
  const key = createSigner('ed25519', sha256(utf8(name))).publicKey
  return { hex: toHex(key.bytes), id: toHex(deviceId(key)) }
}

t.test('an operator claims, a device enrols, and its receipt proves it', async t => {
  const shown = await device(
    one,
    'claim',
    '--model',
    'Bedside monitor',
    '--metrics',
    'SpO2',
    'heart rate'
  )
  t.equal(shown.exit, 0, shown.err.join())
  const text = shown.out.find(line => line.startsWith('VC1-')) ?? ''
  t.match(text, /^VC1(-[0-9A-Z]{4}){9}$/)
  const qr = shown.out.slice(0, shown.out.indexOf(text))
  t.ok(qr.length > 12 && qr.every(line => /^[ ▀▄█]*$/.test(line)), 'a QR code above it')

  const key = join(dir, 'device.json')
  const out = join(dir, 'enrolment.receipt')
  const enrol = (claim: string, file: string): Promise<Ran> =>
    run(
      'device',
      'enrol',
      claim,
      `--genesis=${join(dir, 'genesis.cbor')}`,
      `--key=${file}`,
      `--node=${one.address}`,
      '--model=Bedside monitor',
      '--metrics=SpO2',
      `--out=${out}`,
      '--json'
    )
  const enrolled = await enrol(text.toLowerCase(), key)
  t.equal(enrolled.exit, 0, enrolled.err.join())
  const { device: id } = JSON.parse(enrolled.out[0] ?? '') as { device: string }
  t.equal(((await stat(key)).mode & 0o77).toString(), '0', 'nobody else reads the key')
  const proven = verifyReceipt(await readFile(out), { genesis: founded.document })
  t.match(proven.transaction, { type: 'call', call: { method: 'devices.enrol' } })
  t.match(
    await enrol(text, join(dir, 'other.json')),
    { exit: 1, err: [/ERR_AUTHOR_UNKNOWN/] },
    'once'
  )
  t.match(await enrol('VC1-2345', key), { exit: 2, err: [/ERR_CLAIM_TEXT/] })

  const listed = await device(one, 'list')
  t.match(listed.out.join('\n'), new RegExp(`${id.slice(0, 12)}.*Bedside monitor`))
  t.match(await json(one, 'list'), {
    devices: [{ id, model: 'Bedside monitor', metrics: ['SpO2'], lanes: [] }]
  })
  t.match(await device(two, 'list'), { out: ['This hospital owns no device.'] })
})

t.test('a claim that was lost is withdrawn, by its text or its identifier', async t => {
  const claim = await json(one, 'claim', '--model', 'Pump', '--blocks', '50')
  t.match(claim, { text: /^VC1-/, id: /^[0-9a-f]{64}$/ })
  const text = String(claim['text'])
  t.match(await device(two, 'unclaim', text), { exit: 1, err: [/ERR_NOT_THE_OWNER/] })
  t.match(await device(one, 'unclaim', text), { exit: 0 })
  t.match(await device(one, 'unclaim', String(claim['id'])), {
    exit: 1,
    err: [/ERR_CLAIM_UNKNOWN/]
  })
})

t.test('a device changes key, stream and hospital, and ends', async t => {
  const { hex, id } = publicKey('first')
  t.match(await json(one, 'register', hex, '--model', 'Pump'), { device: id })
  t.match(await device(one, 'rekey', id.slice(0, 8), '--key', publicKey('second').hex), { exit: 0 })
  t.match(await device(one, 'rekey', id, '--key', 'ff'), { exit: 2, err: [/ERR_USAGE/] })
  const stream = '0123456789abcdef0123456789abcdef'
  t.match(await device(one, 'associate', id, '--stream', stream, '--generation', '2'), { exit: 0 })
  t.match(await device(one, 'dissociate', id, '--stream', stream), {
    exit: 0,
    out: ['Taken back: the device cannot bind itself to the stream any more.']
  })
  t.match(await device(one, 'associate', id, '--stream', 'ff'), { exit: 2 })
  t.match(await device(one, 'transfer', id), { exit: 2, err: [/--to or --withdraw/] })
  t.match(await device(one, 'transfer', id, '--to', 'Hospital 9'), {
    exit: 2,
    err: [/ERR_UNKNOWN_MEMBER/]
  })
  t.match(await device(two, 'accept', id), { exit: 1, err: [/ERR_NO_OFFER/] })
  t.match(await device(one, 'transfer', id, '--to', 'Hospital 2'), {
    exit: 0,
    out: [/^Offered to Hospital 2/]
  })
  t.match(await device(one, 'list'), { out: { length: 2 } })
  t.match(await device(two, 'accept', id), { exit: 0, out: [/^Taken over, from boot 0 on/] })
  t.match(
    await device(one, 'retire', id),
    { exit: 1, err: [/ERR_DEVICE_UNKNOWN/] },
    'not ours any more'
  )
  t.match(await device(two, 'retire', id, '--boot', '7'), { exit: 0 })
  t.match(await device(two, 'list'), { out: [/Pump, retired before boot 7/] })
  t.match(await device(two, 'revoke', id), { exit: 0 })
  t.match(await json(two, 'list'), { devices: [{ id, key: { key: publicKey('second').hex } }] })
})

t.test('a file of devices is imported once, whatever interrupts it', async t => {
  const known = publicKey('by key')
  const csv = join(dir, 'devices.csv')
  const out = join(dir, 'claims.csv')
  await writeFile(
    csv,
    `name,model,firmware,metrics,public_key\r\n"Bed 1, left",Monitor,,SpO2;heart rate,\r\nPump 7,Pump,${'ab'.repeat(32)},,${known.hex}\r\n`
  )
  t.match(await json(two, 'import', csv, '--out', out), { added: 2, before: 0 })
  t.equal(((await stat(out)).mode & 0o77).toString(), '0')
  const lines = (await readFile(out, 'utf8')).trimEnd().split('\n')
  t.equal(lines[0], 'name,kind,device,claim,expires')
  t.match(lines[1], /^"Bed 1, left",claim,,VC1(-[0-9A-Z]{4}){9},\d+$/)
  t.equal(lines[2], `Pump 7,device,${known.id},,`)
  t.match(await json(two, 'import', csv, '--out', out), { added: 0, before: 2 })
  // The answer was lost: a registered device is not registered twice.
  await writeFile(out, `${lines.slice(0, 2).join('\n')}\n`)
  t.match(await json(two, 'import', csv, '--out', out), { added: 1, before: 1 })
  t.equal((await readFile(out, 'utf8')).trimEnd(), lines.join('\n'))
  for (const wrong of [
    '',
    'name\nx',
    'name,model,color\nx,y,z',
    'name,model\nx',
    'name,model\nx,y\nx,z',
    'name,model,firmware\nx,y,ff',
    'name,model\n"x,y'
  ]) {
    await writeFile(csv, wrong)
    t.match(
      await device(two, 'import', csv, '--out', out),
      { exit: 2, err: [/ERR_CSV_FORMAT/] },
      wrong
    )
  }
  await writeFile(csv, 'name,model\nx,y\n')
  t.match(await device(two, 'import', csv, '--out', csv), { exit: 2, err: [/ERR_FILE/] })
  t.equal(fromHex(known.id).length, 32)
})
