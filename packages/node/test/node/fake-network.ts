import { toHex } from '@vitalchain/core'
import type { Network, Offence, RequestHandler } from '../../src/network/index.ts'
import type { GossipHandler } from '../../src/network/gossip.ts'
import type { LinkListener, MessageHandler } from '../../src/network/types.ts'

/** How a member of a {@link FakeNetwork} answers a request. */
export type Answer = (
  request: Uint8Array,
  signal: AbortSignal | undefined
) => AsyncIterable<Uint8Array> | Iterable<Uint8Array>

/** A network whose other members do exactly what a test says. Nothing leaves the process. */
export class FakeNetwork implements Network {
  readonly peer = 'fake'
  /** Handlers of requests that the node under test answers. */
  readonly handlers: Map<string, RequestHandler> = new Map()
  /** How the node under test judges gossip. */
  gossip: GossipHandler | undefined
  /** Told what the node under test sends to one member. */
  onSend: ((member: Uint8Array, encoded: Uint8Array) => void) | undefined
  /** What the node under test sent over its links. */
  readonly sent: Uint8Array[] = []
  /** Whom it found to misbehave, and how. */
  readonly offences: string[] = []
  /** Whom it asked, by name of the request. */
  readonly asked: string[] = []
  readonly #answers = new Map<string, Answer>()
  readonly #members: Uint8Array[] = []
  #message: MessageHandler | undefined

  /** Links a member that answers requests of this name. */
  link(member: Uint8Array, name: string, answer: Answer): void {
    if (!this.#answers.has(toHex(member))) this.#members.push(member)
    this.#answers.set(toHex(member), answer)
    this.#answers.set(`${toHex(member)} ${name}`, answer)
  }

  /** A message comes in over a member's link. */
  receive(member: Uint8Array, encoded: Uint8Array): void {
    void this.#message?.(member, encoded)
  }

  /** Asks the node under test; its answer's parts. */
  async *ask(name: string, request: Uint8Array): AsyncGenerator<Uint8Array> {
    const handler = this.handlers.get(name)
    if (handler === undefined) throw new Error(`nobody answers ${name}`)
    const answer = await handler(request, { peer: 'asker' }, new AbortController().signal)
    if (answer instanceof Uint8Array) yield answer
    else yield* answer
  }

  async start(): Promise<void> {}
  async stop(): Promise<void> {}
  addresses(): readonly string[] {
    return []
  }
  membersChanged(): void {}
  send(member: Uint8Array, encoded: Uint8Array): boolean {
    this.sent.push(encoded)
    this.onSend?.(member, encoded)
    return true
  }
  broadcast(encoded: Uint8Array): boolean {
    this.sent.push(encoded)
    return true
  }
  misbehaved(member: Uint8Array, offence: Offence): void {
    this.offences.push(`${toHex(member)} ${offence}`)
  }
  onMessage(handler: MessageHandler): void {
    this.#message = handler
  }
  onLinkUp(_listener: LinkListener): void {}
  onLinkDown(_listener: LinkListener): void {}
  onRefused(_listener: LinkListener): void {}
  linkedMembers(): readonly Uint8Array[] {
    return this.#members
  }
  links(): [] {
    return []
  }
  handleRequest(name: string, _limits: object, handler: RequestHandler): void {
    this.handlers.set(name, handler)
  }
  async *request(
    target: Uint8Array | string,
    name: string,
    request: Uint8Array,
    options?: { readonly signal?: AbortSignal }
  ): AsyncGenerator<Uint8Array> {
    const member = typeof target === 'string' ? target : toHex(target)
    this.asked.push(name)
    const answer = this.#answers.get(`${member} ${name}`)
    if (answer === undefined) throw new Error(`${member} does not answer ${name}`)
    yield* answer(request, options?.signal)
  }
  handleStream(): void {}
  openStream(): Promise<never> {
    return Promise.reject(new Error('no streams here'))
  }
  subscribe(_topic: string, handler: GossipHandler): void {
    this.gossip = handler
  }
  async publish(): Promise<void> {}
  async findPeer(): Promise<readonly string[]> {
    return []
  }
  peers(): [] {
    return []
  }
  async addressesOf(): Promise<readonly string[]> {
    return []
  }
}
