import { open } from 'node:fs/promises'
import { registerDeviceArgs } from '@vitalchain/contracts'
import { deviceId, errorCode, fromHex, toHex, VitalchainError } from '@vitalchain/core'
import { makeClaim } from './device-claim.ts'
import { openDeviceNode, parsePublicKey, type DeviceNode } from './device-node.ts'
import { EXIT, type CliIo } from './io.ts'
import { readTextFile } from './json-file.ts'
import { say, type NodeFlags } from './own-node.ts'

/** Devices in one file: a large hospital's. */
const ROWS_MAX = 10_000

const COLUMNS = ['name', 'model', 'firmware', 'metrics', 'public_key'] as const
const HEADER_OUT = 'name,kind,device,claim,expires'

/** A line of the file: a device with its key, or one that is to get a claim. */
interface Row {
  readonly name: string
  readonly model: string
  readonly firmware: Uint8Array | undefined
  readonly metrics: readonly string[] | undefined
  readonly publicKey: string | undefined
}

/**
 * Registers or claims each device of a CSV file, and appends what came of each to another one as soon as it is committed. A run that
 * was interrupted is repeated: what is in the answer already is left out.
 */
export async function deviceImportCommand(
  file: string,
  flags: NodeFlags & { readonly out: string; readonly blocks: number },
  io: CliIo
): Promise<number> {
  const rows = parseRows(await readTextFile(file))
  const done = new Set(await namesIn(flags.out))
  const node = await openDeviceNode(flags, io)
  // A claim is a secret: nobody else reads the file.
  const out = await open(flags.out, 'a', 0o600)
  let added = 0
  try {
    if (done.size === 0 && (await out.stat()).size === 0) await out.appendFile(`${HEADER_OUT}\n`)
    for (const row of rows) {
      if (done.has(row.name)) continue
      const fields = await importRow(node, row, flags.blocks)
      await out.appendFile(`${[row.name, ...fields].map(quoted).join(',')}\n`)
      await out.sync()
      added++
    }
  } finally {
    await out.close()
  }
  say(io, flags, JSON.stringify({ added, before: done.size }), () => [
    `${added} devices, ${done.size} were there already. ${flags.out} has their claims: treat it like keys.`
  ])
  return EXIT.ok
}

async function importRow(node: DeviceNode, row: Row, blocks: number): Promise<readonly string[]> {
  const { model, firmware, metrics, publicKey: key } = row
  if (key === undefined) {
    const expected = {
      model,
      blocks,
      ...(firmware === undefined ? {} : { firmware }),
      ...(metrics === undefined ? {} : { metrics })
    }
    const { text, expires } = await makeClaim(node, expected)
    return ['claim', '', text, String(expires)]
  }
  const publicKey = parsePublicKey(key)
  try {
    await node.call(
      'register',
      registerDeviceArgs({ publicKey, model, firmware, metrics: metrics ?? [] })
    )
  } catch (error) {
    // By a run that was interrupted before it wrote its answer down.
    if (errorCode(error) !== 'ERR_DEVICE_EXISTS') throw error
  }
  return ['device', toHex(deviceId(publicKey)), '', '']
}

function parseRows(text: string): readonly Row[] {
  const [header, ...lines] = parseCsv(text.replace(/^\uFEFF/, ''))
  if (header === undefined) throw csvError('it is empty')
  const unknown = header.find(each => !COLUMNS.some(column => column === each))
  if (unknown !== undefined || !header.includes('name') || !header.includes('model'))
    throw csvError(
      `the first line names the columns: name, model, and perhaps ${COLUMNS.slice(2).join(', ')}`
    )
  if (lines.length > ROWS_MAX) throw csvError(`at most ${ROWS_MAX} devices`)
  const names = new Set<string>()
  return lines.map((cells, k) => {
    const at = (column: (typeof COLUMNS)[number]): string | undefined => {
      const cell = cells[header.indexOf(column)]?.trim()
      return cell === '' ? undefined : cell
    }
    const [name, model, firmware] = [at('name'), at('model'), at('firmware')]
    if (cells.length !== header.length || name === undefined || model === undefined)
      throw csvError(`line ${k + 2} needs ${header.length} cells, with a name and a model`)
    if (names.has(name)) throw csvError(`line ${k + 2}: the name ${name} stands there twice`)
    names.add(name)
    if (firmware !== undefined && !/^[0-9a-fA-F]{64}$/.test(firmware))
      throw csvError(`line ${k + 2}: the firmware is 64 hexadecimal digits of its SHA-256`)
    const publicKey = at('public_key')
    if (publicKey !== undefined) parsePublicKey(publicKey)
    return {
      name,
      model,
      firmware: firmware === undefined ? undefined : fromHex(firmware),
      metrics: at('metrics')
        ?.split(';')
        .map(metric => metric.trim()),
      publicKey
    }
  })
}

async function namesIn(file: string): Promise<readonly string[]> {
  let text: string
  try {
    text = await readTextFile(file)
  } catch {
    return []
  }
  if (text === '') return []
  const [header, ...lines] = parseCsv(text)
  if (header?.join(',') !== HEADER_OUT)
    throw new VitalchainError('ERR_FILE', `${file} is no answer of an import`)
  return lines.flatMap(([name]) => name ?? [])
}

/** The cells of each line (RFC 4180). Empty lines are left out. */
function parseCsv(text: string): string[][] {
  const lines: string[][] = []
  let cells: string[] = []
  let rest = text
  while (rest !== '') {
    const [all, quotedCell, plain = '', end] =
      /^(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|$)/.exec(rest) ?? []
    if (all === undefined) throw csvError('a quoted cell does not end, or something follows it')
    cells.push(quotedCell?.replaceAll('""', '"') ?? plain)
    rest = rest.slice(all.length)
    if (end === ',' && rest === '') cells.push('')
    if (end === ',' && rest !== '') continue
    if (cells.length > 1 || cells[0] !== '') lines.push(cells)
    cells = []
  }
  return lines
}

function quoted(cell: string): string {
  return /[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell
}

function csvError(why: string): VitalchainError {
  return new VitalchainError('ERR_CSV_FORMAT', `not a list of devices: ${why}`)
}
