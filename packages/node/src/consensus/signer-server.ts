import { once } from 'node:events'
import { chmod, lstat, unlink } from 'node:fs/promises'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { errorCode, isVitalchainError, VitalchainError, type ErrorValues } from '@vitalchain/core'
import { unsignedVote, type VoteScope } from '@vitalchain/consensus'
import { decodeFrames } from '../network/framing.ts'
import { verifyRetirement } from './key-retirement.ts'
import {
  sendFrame,
  SIGNER_FRAME_BYTES_MAX,
  signerAnswerFormat,
  signerRequestFormat,
  type SignerAnswer,
  type SignerRequest
} from './signer-protocol.ts'
import type { VoteSigner } from './vote-signer.ts'

/** Owner alone: who reaches the socket can ask for signatures. */
const SOCKET_MODE = 0o600

/** Refusals of the signer that say nothing about its own health. */
const REFUSALS: ReadonlySet<string> = new Set([
  'ERR_SIGN_TWICE',
  'ERR_SIGN_RULE',
  'ERR_SIGN_UNSAFE',
  'ERR_NOT_RETIRED',
  'ERR_KEY_RETIRED'
])

/** A signer that answers on a socket. */
export interface SignerServer {
  /** Resolves when the key is destroyed, because a hand-over took it out of force. */
  readonly retired: Promise<void>
  /** Resolves with the error after which it serves no more: its disk failed. */
  readonly failed: Promise<VitalchainError>
  stop(): Promise<void>
}

/** What {@link serveSigner} needs. */
export interface SignerServerInit {
  readonly signer: VoteSigner
  readonly scope: VoteScope
  /** Destroys what else there is of the key, which is proved to be out of force, before the node is told. */
  readonly onRetired?: () => Promise<void>
  /** A path of the file system; on Windows the name of a pipe, `\\.\pipe\…`. */
  readonly path: string
  readonly log: (event: string, values: ErrorValues) => void
}

/**
 * Serves a key's signatures on a Unix socket, to one node at a time.
 *
 * @throws VitalchainError `ERR_SIGNER_SOCKET` when another process serves there, or the path cannot be used
 */
export async function serveSigner(init: SignerServerInit): Promise<SignerServer> {
  const { signer, scope, path, log } = init
  const sockets = new Set<Socket>()
  const failed = Promise.withResolvers<VitalchainError>()
  const retired = Promise.withResolvers<void>()
  let client: Socket | undefined

  const server = createServer(socket => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    socket.on('error', () => socket.destroy())
    if (client !== undefined) {
      answer(socket, refusal('ERR_SIGNER_BUSY', 'another node uses this signer'))
      socket.end()
      return
    }
    client = socket
    log('node connected', {})
    serve(socket)
      .catch((error: unknown) => log('node cut off', { code: errorCode(error) }))
      .finally(() => {
        client = undefined
        socket.destroy()
        log('node gone', {})
      })
  })

  async function serve(socket: Socket): Promise<void> {
    const { publicKey, first, last } = signer
    const { network, recoveryEpoch } = scope
    answer(socket, { type: 'hello', publicKey, network, recoveryEpoch, first, last })
    for await (const frame of decodeFrames(socket, SIGNER_FRAME_BYTES_MAX)) {
      const request = signerRequestFormat.decode(frame)
      const message = await carryOut(request)
      answer(socket, message)
      if (request.type === 'retire' && message.type === 'done') {
        // The node has the answer on its way before anybody stops this.
        socket.end(() => retired.resolve())
        return
      }
    }
  }

  async function carryOut(request: SignerRequest): Promise<SignerAnswer> {
    try {
      switch (request.type) {
        case 'sign': {
          const votes = request.votes.map(vote => unsignedVote(scope, vote))
          const signed = await signer.sign(votes, request.record, undefined)
          return { type: 'signed', signatures: signed.map(({ signature }) => signature) }
        }
        case 'begin':
          await signer.begin(request.height)
          log('a new vote state begins', { height: request.height })
          return { type: 'done' }
        case 'distrust':
          await signer.distrust()
          log('votes of this key are missing', {})
          return { type: 'done' }
        case 'retire':
          checkRetirement(request.proof)
          await signer.retire(request.proof)
          await init.onRetired?.()
          return { type: 'done' }
      }
    } catch (cause) {
      if (isVitalchainError(cause) && REFUSALS.has(cause.code)) {
        log('refused', { code: cause.code, ...cause.values })
        return refusal(cause.code, cause.message)
      }
      // A disk that failed once is not to be trusted with the next vote.
      failed.resolve(
        new VitalchainError('ERR_SIGNER_STORE', 'the vote state could not be written', { cause })
      )
      return refusal('ERR_SIGNER_STORE', 'the vote state could not be written')
    }
  }

  function checkRetirement(proof: Uint8Array): void {
    try {
      verifyRetirement(proof, scope.network, signer.publicKey)
    } catch (cause) {
      throw new VitalchainError('ERR_NOT_RETIRED', 'the proof of retirement does not hold', {
        cause,
        values: { why: errorCode(cause) }
      })
    }
  }

  await listen(server, path)
  return {
    failed: failed.promise,
    retired: retired.promise,
    async stop() {
      const closed = once(server, 'close')
      server.close()
      for (const socket of sockets) socket.destroy()
      await closed
    }
  }
}

function answer(socket: Socket, message: SignerAnswer): void {
  sendFrame(socket, signerAnswerFormat.encode(message))
}

function refusal(code: string, message: string): SignerAnswer {
  return { type: 'refused', code, message: message.slice(0, 512) }
}

/** Listens; a socket file whose process was killed is replaced. */
async function listen(server: Server, path: string): Promise<void> {
  try {
    await listenOnce(server, path)
  } catch (cause) {
    const taken = cause instanceof Error && 'code' in cause && cause.code === 'EADDRINUSE'
    if (!taken || !(await isLeftBehind(path))) {
      throw new VitalchainError('ERR_SIGNER_SOCKET', `${path} cannot be listened on`, { cause })
    }
    await unlink(path)
    await listenOnce(server, path)
  }
}

async function listenOnce(server: Server, path: string): Promise<void> {
  const isFile = process.platform !== 'win32'
  // The file is made with the right mode: a moment of more would let others connect.
  const before = isFile ? process.umask(0o777 & ~SOCKET_MODE) : 0
  try {
    const listening = once(server, 'listening')
    server.listen(path)
    await listening
  } finally {
    if (isFile) process.umask(before)
  }
  if (isFile) await chmod(path, SOCKET_MODE)
}

/** Whether a socket is there whose process is gone. Any other file, and a socket that did not refuse, is somebody's. */
async function isLeftBehind(path: string): Promise<boolean> {
  const found = await lstat(path).catch(() => undefined)
  if (found?.isSocket() !== true) return false
  const socket = connect(path)
  try {
    await once(socket, 'connect')
    return false
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'ECONNREFUSED'
  } finally {
    socket.destroy()
  }
}
