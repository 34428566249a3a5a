import { execFile, spawn } from 'node:child_process'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { buffer } from 'node:stream/consumers'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { claimDeviceArgs } from '@vitalchain/contracts'
import {
  claimSigner,
  claimText,
  createSigner,
  deviceAnswerFormat,
  deviceRequestFormat,
  decodeCbor,
  decodeReadings,
  epochKey,
  fromHex,
  isVitalchainError,
  openPayload,
  receiptFormat,
  sha256,
  signGreeting,
  toHex,
  utf8,
  verifyReceipt,
  type DeviceAnswer,
  type DeviceRequest,
  type Reading,
  type ReadingStatement
} from '@vitalchain/core'
import { createHttpApi, createTestNetwork, type LedgerNode } from '@vitalchain/node'
import { plainEnvironment } from './plain-processes.ts'

const root = join(import.meta.dirname, '..')
const source = join(root, 'examples/c-device')
const run = promisify(execFile)
const TOKEN = '0123456789abcdef0123456789abcdef'

const scratch = await mkdtemp(join(tmpdir(), 'vitalchain-c-'))
t.teardown(() => rm(scratch, { recursive: true, force: true, maxRetries: 3 }))

/** Compiles the example into a folder of its own; undefined where there is no compiler, or what it needs is missing. */
async function build(name: string, flags: string): Promise<string | undefined> {
  const out = join(scratch, name)
  await run('mkdir', [out])
  const probe = join(out, 'probe.c')
  await writeFile(probe, '#include <openssl/evp.h>\nint main(void) { return EVP_sha256() == 0; }\n')
  const compiled = await run('cc', [...flags.split(' '), probe, '-o', `${probe}.out`, '-lcrypto'])
    .then(() => run(`${probe}.out`))
    .catch(() => undefined)
  if (compiled === undefined) return undefined
  await run('make', ['-C', source, `OUT=${out}`, `CFLAGS=${flags}`], { timeout: 60_000 })
  return out
}

const plain = await build('plain', '-O2')
const checked =
  plain && (await build('checked', '-O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all'))
// With the sanitizers where they are: then every test is one of memory and arithmetic too.
const programs = checked ?? plain ?? ''
const skip = plain === undefined ? 'no C compiler with the headers of OpenSSL 3' : false

function device(args: readonly string[], input = ''): Promise<{ stdout: string; stderr: string }> {
  const running = run(join(programs, 'vitalchain-device'), args, {
    timeout: 60_000,
    env: plainEnvironment()
  })
  running.child.stdin?.end(input)
  return running
}

/** A network, and what the C program calls its first node. */
interface Served {
  readonly genesis: Uint8Array
  readonly node: LedgerNode
  readonly network: string
  readonly address: string
}

/** One network for all tests, each with devices of its own. */
let served: Promise<Served> | undefined

async function startNetwork(): Promise<Served> {
  const network = await createTestNetwork()
  t.teardown(() => network.stop())
  const { genesis } = network
  const node = network.nodes[0]!
  const api = createHttpApi({ node, token: TOKEN })
  t.teardown(() => api.close())
  const url = await api.listen({ port: 0 })
  return {
    genesis,
    node,
    network: toHex(node.network),
    address: `${url}#${toHex(node.transportKey)}`
  }
}

/** The key that the program made, as it shows it. */
async function showKey(directory: string): Promise<{ device: string; key: Uint8Array }> {
  const { stdout } = await device(['key', directory])
  const fields = new Map(
    stdout
      .trim()
      .split('\n')
      .map(line => line.split(' ') as [string, string])
  )
  return { device: fields.get('device')!, key: fromHex(fields.get('key')!) }
}

/** A directory of a device that the operator registered. */
async function registered(
  node: LedgerNode,
  network: string,
  address: string,
  name: string
): Promise<string> {
  const directory = join(scratch, name)
  const { key } = await showKey(directory)
  await node.registerDevice({
    publicKey: { algorithm: 'ed25519', bytes: key },
    model: 'C monitor',
    firmware: undefined
  })
  await device(['enrol', directory, network, address])
  return directory
}

/** The statements that the receipts in a directory prove, in the order of lane and place, with what their payloads open to. */
async function proved(
  directory: string,
  { genesis, node }: { genesis: Uint8Array; node: LedgerNode }
): Promise<readonly { statement: ReadingStatement; readings: readonly Reading[] }[]> {
  const stream = decodeCbor(await readFile(join(directory, 'stream')), 128)
  const secret: unknown = Array.isArray(stream) ? stream[2] : undefined
  if (!(secret instanceof Uint8Array)) throw new Error('the stream file is another')
  const names = (await readdir(directory)).filter(each => each.endsWith('.receipt')).toSorted()
  return Promise.all(
    names.map(async name => {
      const { transaction } = verifyReceipt(await readFile(join(directory, name)), { genesis })
      if (transaction.type !== 'statement' || transaction.statement.type !== 'readings')
        throw new Error(`${name} is no receipt of readings`)
      const { statement } = transaction
      const payload = node.ledger.getPayload(statement.payloadDigest)
      if (payload === undefined) throw new Error('the node holds no payload')
      const clear = openPayload(statement, payload, epochKey(secret, statement.epoch))
      return { statement, readings: decodeReadings(clear) }
    })
  )
}

/** Readings of which no two batches are alike, as the program takes them and as they must come back. */
const READINGS: readonly (readonly [line: string, reading: Reading])[] = [
  [
    '8867-4 /min 1790000000000 72',
    { name: '8867-4', unit: '/min', time: 1_790_000_000_000, value: 72 }
  ],
  [
    '8867-4 /min 1790000000250 -3',
    { name: '8867-4', unit: '/min', time: 1_790_000_000_250, value: -3 }
  ],
  [
    '8310-5 Cel 1790000001000 36.6',
    { name: '8310-5', unit: 'Cel', time: 1_790_000_001_000, value: 36.6 }
  ],
  [
    '8310-5 Cel 1789999999999 -0.1e-7',
    { name: '8310-5', unit: 'Cel', time: 1_789_999_999_999, value: -1e-8 }
  ],
  [
    '59408-5 % 1790000002000 0 sensor-off',
    { name: '59408-5', unit: '%', time: 1_790_000_002_000, value: 0, flag: 'sensor-off' }
  ],
  [
    'ward/lead-off - 1790000002001 true',
    { name: 'ward/lead-off', time: 1_790_000_002_001, value: true }
  ],
  [
    'clock/unset - 17 12345678901234567',
    { name: 'clock/unset', time: 17, value: Number('12345678901234567') }
  ]
]

t.test(
  'the batches of a device in C are committed, proved to it, and open to what it measured',
  { skip },
  async t => {
    const network = await (served ??= startNetwork())
    const directory = await registered(network.node, network.network, network.address, 'registered')
    const input = READINGS.map(([line]) => `${line}\n`).join('')
    await device(['record', directory, '3'], `${input}! ${READINGS[4]![0]}\n`)
    const { stdout } = await device(['send', directory, network.address])
    const lines = stdout.trim().split('\n')
    t.same(
      lines.map(line => line.split(' ').slice(0, 2)),
      ['1.0.0', '0.0.0', '0.0.1', '0.0.2'].map(place => [place, 'proved']),
      'the urgent lane first, then in order'
    )
    const all = await proved(directory, network)
    t.same(
      all.flatMap(({ readings }) => readings),
      [...READINGS, READINGS[4]!].map(([, reading]) => reading)
    )
    t.same(all.map(({ statement: { from, to, count } }) => [from, to, count]).slice(0, 2), [
      [1_790_000_000_000, 1_790_000_001_000, 3],
      [1_789_999_999_999, 1_790_000_002_001, 3]
    ])
    const left = (await readdir(directory)).filter(name => /\.(waiting|proved)$/.test(name))
    t.equal(
      left.length,
      2,
      'of the batches only the newest of each lane is kept, behind which the next one stands'
    )

    const genesis = join(scratch, 'genesis.cbor')
    await writeFile(genesis, network.genesis)
    const verified = await run(
      process.execPath,
      [
        '--conditions=@vitalchain/source',
        join(root, 'packages/node/src/cli/bin.ts'),
        'verify',
        directory,
        '--genesis',
        genesis,
        '--quiet'
      ],
      { timeout: 60_000, cwd: root, env: plainEnvironment() }
    )
    t.equal(verified.stdout.match(/^VALID /gm)?.length, 4, 'vitalchain verify says so too')

    await device(['record', directory, '3'], `${READINGS[0]![0]}\n`)
    const next = await device(['send', directory, network.address])
    t.match(next.stdout, /^0\.1\.0 proved/, 'a later start opens a boot behind the last one')
    t.ok(
      (await proved(directory, network))[3]!.statement.epoch > all[0]!.statement.epoch,
      'and an epoch'
    )
  }
)

t.test('a device in C enrols itself with a claim, which is good once', { skip }, async t => {
  const { node, network, address } = await (served ??= startNetwork())
  const secret = crypto.getRandomValues(new Uint8Array(16))
  await node.call(
    'devices.claim',
    claimDeviceArgs({
      claimKey: claimSigner(secret).publicKey,
      model: 'C monitor',
      firmware: undefined,
      metrics: ['8867-4', '8310-5'],
      expires: 1_000
    })
  )
  const claim = join(scratch, 'claim.txt')
  await writeFile(claim, `${claimText(node.network, secret).toLowerCase()}\n`)
  const directory = join(scratch, 'claimed')
  const firmware = '5a'.repeat(32)
  const enrol = (dir: string): readonly string[] => [
    'enrol',
    dir,
    network,
    address,
    claim,
    'C monitor',
    firmware,
    '8867-4'
  ]
  const { stdout } = await device(enrol(directory))
  t.equal(stdout, `enrolled ${(await showKey(directory)).device}\n`)
  await device(['record', directory, '3'], `${READINGS[0]![0]}\n`)
  t.match((await device(['send', directory, address])).stdout, /^0\.0\.0 proved/)

  await t.rejects(device(enrol(join(scratch, 'second'))), { code: 4 }, 'not by a second device')
  await writeFile(
    claim,
    claimText(node.network, secret).replace(/.$/, last => (last === 'A' ? 'B' : 'A'))
  )
  await t.rejects(
    device(enrol(join(scratch, 'third'))),
    { code: 2 },
    'nor with a claim that was mistyped'
  )
})

t.test(
  'killed at any moment, a device in C loses nothing that it said it stored',
  { skip },
  async t => {
    const network = await (served ??= startNetwork())
    const directory = await registered(network.node, network.network, network.address, 'killed')
    const stored: string[] = []
    for (const kill of [1, 3, 7]) {
      const recording = spawn(join(programs, 'vitalchain-device'), ['record', directory, '1'], {
        env: plainEnvironment()
      })
      recording.stdin.on('error', () => undefined)
      recording.stdin.write(`${READINGS[0]![0]}\n`.repeat(50))
      const ended = new Promise(resolve => recording.once('close', resolve))
      let here = 0
      for await (const line of createInterface({ input: recording.stdout })) {
        stored.push(line.split(' ')[2]!)
        if (++here === kill) recording.kill('SIGKILL')
      }
      await ended
    }
    t.ok(stored.length >= 11, `${stored.length} stored`)
    // Sending is killed after its first receipt, and begun again.
    const sending = spawn(
      join(programs, 'vitalchain-device'),
      ['send', directory, network.address],
      {
        env: plainEnvironment()
      }
    )
    sending.stdout.once('data', () => sending.kill('SIGKILL'))
    await new Promise(resolve => sending.once('close', resolve))
    await device(['send', directory, network.address])
    const places = (await proved(directory, network)).map(({ statement }) => statement)
    for (const [k, statement] of places.entries()) {
      const before = places[k - 1]
      if (before === undefined || before.boot !== statement.boot) t.equal(statement.seq, 0)
      else t.equal(statement.seq, before.seq + 1)
    }
    const ids = await Promise.all(
      (await readdir(directory))
        .filter(name => name.endsWith('.receipt'))
        .map(async name =>
          toHex(verifyReceipt(await readFile(join(directory, name)), network).transaction.id)
        )
    )
    t.equal(new Set(ids).size, ids.length, 'nothing twice')
    t.same(
      stored.filter(id => !ids.includes(id)),
      [],
      'nothing lost'
    )
  }
)

t.test('a backlog of a device in C drains in order, urgent readings first', { skip }, async t => {
  const network = await (served ??= startNetwork())
  const directory = await registered(network.node, network.network, network.address, 'backlog')
  const lines = Array.from({ length: 70 }, (_, k) => `8867-4 /min ${k} ${k}\n`)
  await device(['record', directory, '1'], `${lines.join('')}! alarm - 70 true\n`)
  const { stdout } = await device(['send', directory, network.address])
  t.same(
    stdout
      .trim()
      .split('\n')
      .map(line => line.split(' ')[0]),
    ['1.0.0', ...lines.map((_, k) => `0.0.${k}`)]
  )
  const values = (await proved(directory, network)).flatMap(({ readings }) => readings)
  t.same(
    values.map(({ value }) => value),
    [...lines.keys(), true]
  )
})

t.test(
  'a device in C that lost its outbox goes on behind what the ledger holds, and says so',
  { skip },
  async t => {
    const network = await (served ??= startNetwork())
    const { node, address } = network
    const directory = await registered(node, network.network, address, 'lost')
    await device(['record', directory, '3'], `${READINGS[0]![0]}\n`)
    await device(['send', directory, address])
    for (const name of await readdir(directory))
      if (!['key', 'stream'].includes(name)) await rm(join(directory, name))
    await t.rejects(
      device(['record', directory, '3'], `${READINGS[0]![0]}\n`),
      { code: 2 },
      'not before it has asked'
    )
    await device(['enrol', directory, network.network, address])
    await device(['record', directory, '3'], `${READINGS[1]![0]}\n`)
    t.match((await device(['send', directory, address])).stdout, /^0\.1\.0 proved/)
    const [{ statement } = { statement: undefined }] = await proved(directory, network)
    t.equal(statement?.flags, 1)
  }
)

t.test(
  'a device in C passes over a node that is gone, and shows nothing to another one at its address',
  { skip },
  async t => {
    const { node, network, address } = await (served ??= startNetwork())
    const directory = await registered(node, network, address, 'impostor')
    await device(['record', directory, '3'], `${READINGS[0]![0]}\n`)
    const other = address.replace(/.$/, last => (last === '0' ? '1' : '0'))
    const gone = address.replace(/:\d+#/, ':1#')
    const { stderr } = await device(['send', directory, gone, other, address])
    t.match(stderr, /no connection/)
    t.match(stderr, /another node answers at this address/)
  }
)

/** The transaction that a receipt shows, in hexadecimal; nothing when it cannot be read. */
function transactionIn(receipt: string): string {
  try {
    return toHex(receiptFormat.decode(fromHex(receipt)).transaction)
  } catch (error) {
    if (isVitalchainError(error)) return ''
    throw error
  }
}

/** A node that shows its key and then answers what it likes: answers of the right kind, damaged by a seeded hand, or anything. */
async function startLiar(
  t: Test,
  network: Uint8Array
): Promise<{ address: string; sessions: () => number }> {
  const signer = createSigner('ed25519', sha256(utf8('liar')))
  const random = seeded(sha256(utf8('lies')))
  let sessions = 0
  const answers = (asked: DeviceRequest, id: Uint8Array): readonly DeviceAnswer[] => [
    { type: 'done', request: asked.request },
    {
      type: 'refused',
      request: asked.request,
      code: 'ERR_BUSY',
      message: 'later',
      retryable: true
    },
    { type: 'head', request: asked.request, lane: undefined },
    { type: 'head', request: asked.request, lane: { boot: 0, seq: random() % 3, head: id } },
    { type: 'receipt', id, receipt: sha256(id) }
  ]
  const answer = async (asked: DeviceRequest): Promise<Uint8Array> => {
    const node = signer.publicKey.bytes
    if (asked.type === 'greeting') {
      const hello = { network, node, challenge: node }
      const proof = await signGreeting(signer, { ...hello, nonce: asked.nonce })
      return deviceAnswerFormat.encode({ type: 'greeting', ...hello, proof })
    }
    if (asked.type === 'session') {
      sessions++
      return deviceAnswerFormat.encode({ type: 'done', request: asked.request })
    }
    const told = answers(asked, asked.type === 'receipt' ? asked.id : node)
    const bytes = deviceAnswerFormat.encode(told[random() % told.length]!)
    for (let faults = random() % 4; faults > 0; faults--)
      bytes.set([random() & 255], random() % bytes.length)
    return random() % 8 === 0 ? bytes.subarray(0, random() % bytes.length) : bytes
  }
  const respond = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const asked = deviceRequestFormat.decode(await buffer(request))
    response.setHeader('vitalchain-session', 'x'.repeat(random() % 400))
    response.end(await answer(asked))
  }
  const server = createServer((request, response) => void respond(request, response))
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo
  return {
    address: `http://127.0.0.1:${port}#${toHex(signer.publicKey.bytes)}`,
    sessions: () => sessions
  }
}

/** 32-bit numbers from a seed. */
function seeded(seed: Uint8Array): () => number {
  let state = seed
  return () => {
    state = sha256(state)
    return new DataView(state.buffer, state.byteOffset).getUint32(0)
  }
}

t.test('whatever a node answers, a device in C keeps what is not proved', { skip }, async t => {
  const network = await (served ??= startNetwork())
  const { node, address } = network
  const directory = await registered(node, network.network, address, 'liar')
  await device(['record', directory, '1'], `${READINGS[0]![0]}\n`.repeat(3))
  const liar = await startLiar(t, node.network)
  const { stderr } = await device([
    'send',
    directory,
    ...Array<string>(150).fill(liar.address),
    address
  ])
  t.notMatch(stderr, /Sanitizer|runtime error/)
  t.ok(liar.sessions() > 50, `it was lied to in ${liar.sessions()} sessions`)
  t.equal((await proved(directory, network)).length, 3, 'and an honest node proved all to it')
})

interface ReceiptVector {
  readonly why: string
  readonly network: string
  readonly pin?: unknown
  readonly receipt: string
}

t.test(
  'the verifier in C refuses every damaged receipt of the vectors, and takes those that are as a node gives them',
  { skip },
  async t => {
    const file = join(root, 'test/vectors/receipts.json')
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- our own file, checked by its own test
    const vectors = JSON.parse(await readFile(file, 'utf8')) as Record<
      'valid' | 'invalid',
      readonly ReceiptVector[]
    >
    const plain = vectors.valid.filter(
      ({ receipt }) => receiptFormat.decode(fromHex(receipt)).consistency === undefined
    )
    const transactions = plain.map(({ receipt }) =>
      toHex(receiptFormat.decode(fromHex(receipt)).transaction)
    )
    // A device compares with what it sent; where the damage is elsewhere, with the transaction that the receipt shows.
    const sent = (receipt: string): string =>
      transactions.find(each => each === transactionIn(receipt)) ?? transactions[0] ?? ''
    // Without a pin these are what they were, or what only a pin refutes.
    const damaged = vectors.invalid.filter(({ pin }) => pin === undefined)
    const cases = [...plain, ...damaged]
    const checking = run(join(programs, 'check-receipts'), [], { maxBuffer: 2 ** 24 })
    checking.child.stdin?.end(
      cases.map(({ network, receipt }) => `${network} ${sent(receipt)} ${receipt}\n`).join('')
    )
    const said = (await checking).stdout.trim().split('\n')
    t.equal(said.length, cases.length)
    t.ok(
      plain.length >= 5 && damaged.length >= 300,
      `${plain.length} as a node gives them, ${damaged.length} damaged`
    )
    const valid = (k: number): boolean => said[k]?.startsWith('valid ') === true
    const wrong = cases.filter((_, k) => valid(k) !== k < plain.length)
    t.same(
      wrong.map(({ why }) => why),
      []
    )
  }
)

/** A vector file of `test/vectors/device`: bytes are in hexadecimal. */
async function deviceVectors<T>(name: string): Promise<T> {
  return JSON.parse(await readFile(join(root, `test/vectors/device/${name}.json`), 'utf8')) as T
}

/** What `replay-vectors` makes of tasks: of each a record of its words. */
async function replay(
  tasks: readonly string[]
): Promise<readonly Readonly<Record<string, string>>[]> {
  const replaying = run(join(programs, 'replay-vectors'), [], { maxBuffer: 2 ** 24 })
  replaying.child.stdin?.end(tasks.map(task => `${task}\n`).join(''))
  const lines = (await replaying).stdout.trim().split('\n')
  return lines.map(line => {
    const words = line.split(' ')
    if (words.length === 1) return { said: line }
    return Object.fromEntries(
      Array.from({ length: words.length / 2 }, (_, k) => [words[2 * k]!, words[2 * k + 1]!])
    )
  })
}

/** Readings as `replay-vectors` takes them. */
function readingWords(readings: readonly Reading[]): string {
  return readings
    .map(({ name, unit, time, value, flag }) =>
      [name, unit ?? '-', time, String(value), flag ?? '-'].join(' ')
    )
    .join(' ')
}

function hexText(text: string): string {
  return toHex(utf8(text))
}

t.test(
  'identifiers, claims, enrolments and sessions in C are those of the vectors',
  { skip },
  async t => {
    const { device, claim, enrolment } = await deviceVectors<{
      readonly device: Readonly<Record<'secretKey' | 'publicKey' | 'identifier', string>>
      readonly claim: Readonly<Record<'network' | 'secret' | 'text', string>>
      readonly enrolment: {
        readonly model: string
        readonly firmware: string
        readonly metrics: readonly string[]
        readonly transaction: string
      }
    }>('enrolment')
    const { greeting, session } = await deviceVectors<{
      readonly greeting: Readonly<
        Record<'network' | 'node' | 'nonce' | 'challenge' | 'proof', string>
      >
      readonly session: Readonly<Record<'network' | 'challenge' | 'node' | 'cose', string>>
    }>('session')
    const who = `${device.secretKey} ${claim.network}`
    const { network, node, nonce, challenge, proof } = greeting
    const otherProof = proof.replace(/^./, digit => (digit === '0' ? '1' : '0'))
    const mistyped = claim.text.replace(/.$/, last => (last === 'A' ? 'B' : 'A'))
    const description = [hexText(enrolment.model), enrolment.firmware, ...enrolment.metrics]
    t.same(
      await replay([
        `identity ${who}`,
        `claim ${claim.network} ${hexText(claim.text)}`,
        `claim ${claim.network} ${hexText(mistyped)}`,
        `enrol ${who} ${claim.secret} ${description.join(' ')}`,
        `session ${device.secretKey} ${session.network} ${session.challenge} ${session.node}`,
        `greeting ${network} ${node} ${nonce} ${challenge} ${proof}`,
        `greeting ${network} ${node} ${nonce} ${challenge} ${otherProof}`
      ]),
      [
        { public: device.publicKey, device: device.identifier },
        { secret: claim.secret },
        { said: 'refused' },
        { transaction: enrolment.transaction },
        { cose: session.cose },
        { said: 'holds' },
        { said: 'refused' }
      ]
    )
  }
)

t.test('packs of a device in C mean what those of the vectors mean', { skip }, async t => {
  const { packs } = await deviceVectors<{
    readonly packs: readonly { readonly what: string; readonly readings: readonly Reading[] }[]
  }>('readings')
  // It records numbers and booleans.
  const known = packs.filter(({ readings }) =>
    readings.every(({ value }) => typeof value !== 'string')
  )
  t.ok(known.length >= 5)
  const made = await replay(known.map(({ readings }) => `pack ${readingWords(readings)}`))
  for (const [k, { what, readings }] of known.entries())
    t.same(decodeReadings(fromHex(made[k]?.['pack'] ?? '')), readings, what)
})

t.test('a batch in C is sealed and signed to the very bytes of the vectors', { skip }, async t => {
  const { sealed } = await deviceVectors<{
    readonly sealed: readonly Readonly<
      Record<'streamSecret' | 'salt' | 'clear' | 'payload', string>
    >[]
  }>('payload')
  const { secretKey, statements } = await deviceVectors<{
    readonly secretKey: string
    readonly statements: readonly {
      readonly statement: ReadingStatement
      readonly id: string
      readonly transaction: string
    }[]
  }>('statements')
  const [{ streamSecret, salt, clear, payload } = sealed[0]!] = sealed
  const [{ statement, id, transaction } = statements[0]!] = statements
  const { network, stream, generation, lane, boot, seq, previous, flags, epoch, clock } = statement
  const place = [generation, lane, boot, seq, previous, flags, epoch, salt]
  const told = [clock?.offset ?? '-', clock?.uncertainty ?? '-', statement.from, statement.to]
  const task = ['batch', secretKey, network, stream, streamSecret, ...place, ...told]
  const [made] = await replay([[...task, statement.count, clear].join(' ')])
  t.same(made, { id, transaction, payload })
})
