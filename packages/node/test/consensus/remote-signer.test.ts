import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import {
  ed25519PublicKey,
  generateSecretKey,
  sha256,
  toHex,
  useCryptoBackend,
  verifySignature
} from '@vitalchain/core'
import { unsignedVote, type UnsignedVote, type VoteState } from '@vitalchain/consensus'
import t, { type Test } from 'tap'
import { openRemoteSigner } from '../../src/consensus/remote-signer.ts'
import { signerAnswerFormat } from '../../src/consensus/signer-protocol.ts'
import { serveSigner } from '../../src/consensus/signer-server.ts'
import { openVoteSigner, type VoteSigner } from '../../src/consensus/vote-signer.ts'
import { createVoteState, openVoteStore } from '../../src/consensus/vote-store.ts'
import { createNodeSigner } from '../../src/crypto/node-signer.ts'
import { nodeCryptoBackend } from '../../src/crypto/node-crypto-backend.ts'
import { decodeFrames, encodeFrame } from '../../src/network/framing.ts'
import { foundNetwork } from '../../src/testing/found-network.ts'
import { until } from '../node/wait.ts'

useCryptoBackend(nodeCryptoBackend)

const GENESIS = foundNetwork({ names: ['Berlin'], created: 0 }).document
const SCOPE = { network: sha256(GENESIS), recoveryEpoch: 0 }
const cli = fileURLToPath(new URL('../../src/cli/bin.ts', import.meta.url))
const child = fileURLToPath(new URL('signer-child.ts', import.meta.url))

interface Place {
  readonly dir: string
  readonly socket: string
  readonly seed: Uint8Array
}

/** A signer's directory, with a key that never signed anything. */
async function place(t: Test): Promise<Place> {
  // Short: a Unix socket's path has 107 bytes at most.
  const dir = await mkdtemp(join(tmpdir(), 'vc-signer-'))
  t.teardown(() => rm(dir, { recursive: true, force: true }))
  const seed = generateSecretKey('ed25519')
  await writeFile(join(dir, 'keys.json'), JSON.stringify({ consensus: toHex(seed) }), {
    mode: 0o600
  })
  await writeFile(join(dir, 'genesis.cbor'), GENESIS)
  await createVoteState(dir, ed25519PublicKey(seed))
  return { dir, socket: join(dir, 's'), seed }
}

async function run(t: Test, argv: readonly string[]): Promise<ChildProcess> {
  const started = spawn(process.execPath, ['--conditions=@vitalchain/source', ...argv], {
    stdio: ['pipe', 'pipe', 'ignore']
  })
  t.teardown(() => started.kill('SIGKILL'))
  await once(createInterface(started.stdout), 'line')
  return started
}

function signerProcess(t: Test, { dir, socket }: Place): Promise<ChildProcess> {
  return run(t, [cli, 'signer', '--data-dir', dir, '--socket', socket, '--stop-on-input-end'])
}

function fragileProcess(t: Test, { dir, socket, seed }: Place): Promise<ChildProcess> {
  return run(t, [child, dir, socket, toHex(seed)])
}

async function end(process: ChildProcess, signal: NodeJS.Signals = 'SIGKILL'): Promise<unknown> {
  const gone = once(process, 'exit')
  process.kill(signal)
  return (await gone)[0]
}

interface Client {
  readonly signer: VoteSigner
  readonly logged: string[]
}

async function open(t: Test, { socket }: Place): Promise<Client> {
  const stopping = new AbortController()
  const logged: string[] = []
  const store = await openVoteStore('memory')
  t.teardown(() => stopping.abort())
  const signer = await openRemoteSigner({
    path: socket,
    scope: SCOPE,
    store,
    signal: stopping.signal,
    log: (event, { code }) => void logged.push(`${event} ${String(code ?? '')}`.trim())
  })
  return { signer, logged }
}

function prepare(height: number, byte = 1): [readonly UnsignedVote[], VoteState, undefined] {
  const blockHash = new Uint8Array(32).fill(byte)
  const vote = unsignedVote(SCOPE, { type: 'prepare', height, view: 0, sender: 0, blockHash })
  return [[vote], { height, view: 0, sent: {}, prepared: undefined }, undefined]
}

/** What a signer says first to somebody who connects. */
async function greeting({ socket }: Place): Promise<unknown> {
  const client = connect(socket)
  try {
    for await (const frame of decodeFrames(client)) return signerAnswerFormat.decode(frame)
  } finally {
    client.destroy()
  }
  return undefined
}

t.test(
  'a key in another process signs, durably, in ascending order, the same for the same',
  async t => {
    const where = await place(t)
    const process = await signerProcess(t, where)
    const { signer } = await open(t, where)
    t.same([signer.first, signer.last], [1, undefined])
    const [message] = await signer.sign(...prepare(1))
    const [vote] = prepare(1)[0]
    t.ok(
      verifySignature(
        { algorithm: 'ed25519', bytes: ed25519PublicKey(where.seed) },
        vote!.signBytes,
        message!.signature
      )
    )
    t.same(await signer.sign(...prepare(1)), [message], 'the same again')
    await t.rejects(signer.sign(...prepare(1, 2)), { code: 'ERR_SIGN_TWICE' }, 'another block')
    await signer.sign(...prepare(2))
    await t.rejects(signer.sign(...prepare(1)), { code: 'ERR_SIGN_TWICE' }, 'back')
    t.same(await end(process, 'SIGTERM'), 0)
    const again = await signerProcess(t, where)
    const second = await open(t, where)
    t.equal(second.signer.last?.height, 2)
    await t.rejects(second.signer.sign(...prepare(2, 2)), { code: 'ERR_SIGN_TWICE' })
    await end(again)
  }
)

t.test('the signer is for its owner, and for one node at a time', async t => {
  const where = await place(t)
  const process = await signerProcess(t, where)
  if (globalThis.process.platform !== 'win32')
    t.equal((await stat(where.socket)).mode & 0o777, 0o600)
  const { signer } = await open(t, where)
  t.match(await greeting(where), { type: 'refused', code: 'ERR_SIGNER_BUSY' })
  const blocked = spawn(
    globalThis.process.execPath,
    [
      '--conditions=@vitalchain/source',
      cli,
      'signer',
      '--data-dir',
      where.dir,
      '--socket',
      `${where.socket}2`
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] }
  )
  const [line] = (await once(createInterface(blocked.stderr), 'line')) as [string]
  t.match(line, /ERR_DATA_DIR_IN_USE/, 'nor does a second signer run there')
  await signer.close()
  await end(process)
})

t.test(
  'a signer that is killed between its write and its answer gives the same answer later',
  async t => {
    const where = await place(t)
    const first = await fragileProcess(t, where)
    const { signer, logged } = await open(t, where)
    await signer.sign(...prepare(1))
    await writeFile(join(where.dir, 'crash'), '')
    const gone = once(first, 'exit')
    const asked = signer.sign(...prepare(2))
    await gone
    await until('the node misses it', () => logged.some(each => each.startsWith('signer not')))
    const second = await fragileProcess(t, where)
    const [message] = await asked
    t.same(await signer.sign(...prepare(2)), [message])
    t.equal(signer.last?.height, 2)
    await t.rejects(signer.sign(...prepare(2, 9)), { code: 'ERR_SIGN_TWICE' })
    await end(second)
  }
)

t.test('a signer that lost votes which it cast for this node is not used again', async t => {
  const where = await place(t)
  const first = await fragileProcess(t, where)
  const { signer } = await open(t, where)
  await signer.sign(...prepare(1))
  await end(first)
  await rm(join(where.dir, 'votes'), { recursive: true })
  const second = await fragileProcess(t, where)
  await t.rejects(signer.sign(...prepare(2)), { code: 'ERR_SIGNER_STATE' })
  await end(second)
})

t.test('without its votes a signer signs nothing before it is told where it may begin', async t => {
  const where = await place(t)
  await rm(join(where.dir, 'new-keys'), { recursive: true })
  const process = await fragileProcess(t, where)
  const { signer } = await open(t, where)
  t.equal(signer.first, undefined)
  await signer.begin(7)
  await t.rejects(signer.sign(...prepare(6)), { code: 'ERR_SIGN_TWICE' })
  await signer.sign(...prepare(7))
  await t.rejects(signer.begin(9), { code: 'ERR_SIGN_UNSAFE' }, 'what it has it does not forget')
  await end(process)
})

t.test(
  'a signer whose votes are found old during a connection begins anew over the same one',
  async t => {
    const where = await place(t)
    const process = await fragileProcess(t, where)
    const { signer } = await open(t, where)
    await signer.sign(...prepare(1))
    await signer.distrust()
    await signer.begin(7)
    t.equal((await signer.sign(...prepare(7))).length, 1, 'the signer was told')
    await end(process)
  }
)

t.test('a file that is no socket is not taken for one that was left behind', async t => {
  const where = await place(t)
  const file = join(where.dir, 'keys.json')
  const before = await readFile(file, 'utf8')
  const store = await openVoteStore('memory')
  const signer = await openVoteSigner(createNodeSigner(where.seed), store)
  const serving = serveSigner({ signer, scope: SCOPE, path: file, log: () => undefined })
  await t.rejects(serving, { code: 'ERR_SIGNER_SOCKET' })
  t.equal(await readFile(file, 'utf8'), before)
})

t.test('garbage on the socket ends that connection and nothing else', async t => {
  const where = await place(t)
  const process = await fragileProcess(t, where)
  const noise = [
    new Uint8Array([255, 255, 255, 255, 1]),
    encodeFrame(new Uint8Array([1, 2, 3])),
    encodeFrame(new Uint8Array(0)),
    new Uint8Array(1_000).fill(7)
  ]
  for (const bytes of noise) {
    const client = connect(where.socket)
    await once(client, 'connect')
    client.resume()
    client.write(bytes)
    await once(client, 'close')
  }
  const half = connect(where.socket)
  await once(half, 'connect')
  half.write(new Uint8Array([0, 0]))
  half.destroy()
  const { signer } = await open(t, where)
  t.equal((await signer.sign(...prepare(1))).length, 1)
  await end(process)
})

t.test('a node that is given garbage by what listens there gets no signature from it', async t => {
  const where = await place(t)
  const server = createServer(socket => {
    socket.on('error', () => undefined)
    socket.end(new Uint8Array([0, 0, 0, 1, 7]))
  })
  server.listen(where.socket)
  await once(server, 'listening')
  const stopping = new AbortController()
  const logged: string[] = []
  const opening = openRemoteSigner({
    path: where.socket,
    scope: SCOPE,
    store: await openVoteStore('memory'),
    signal: stopping.signal,
    log: (event, { code }) => void logged.push(`${event} ${String(code)}`)
  })
  await until('it was tried', () => logged.length > 0)
  stopping.abort()
  await t.rejects(opening, { name: 'AbortError' })
  t.match(logged, ['signer not reached ERR_SCHEMA'])
  server.close()
})
