import {
  checkGreeting,
  VitalchainError,
  type DeviceAnswer,
  type DeviceRequest
} from '@vitalchain/core'

const NONCE_BYTES = 32

/** A question to a node who it is. */
export interface GreetingRequest {
  readonly request: DeviceRequest
  /** The hello in an answer to it. @throws VitalchainError `ERR_NODE_KEY`, `ERR_DEVICE_PROTOCOL`, or the code of a refusal */
  hello(answer: DeviceAnswer | undefined): DeviceAnswer
}

/** Asks a node to prove that it has the key in its address. spec S-9 */
export function greetingRequest(node: Uint8Array): GreetingRequest {
  const nonce = crypto.getRandomValues(new Uint8Array(NONCE_BYTES))
  return {
    request: { type: 'greeting', request: 0, nonce },
    hello(answer) {
      if (answer?.type === 'refused')
        throw new VitalchainError(answer.code, answer.message, { retryable: true })
      if (answer?.type !== 'greeting')
        throw new VitalchainError(
          'ERR_DEVICE_PROTOCOL',
          'the node broke the protocol: a greeting is answered with one',
          { retryable: true }
        )
      checkGreeting(answer, { node, nonce })
      const { network, challenge } = answer
      return { type: 'hello', network, node, challenge }
    }
  }
}

/** The answers of a connection that carries messages both ways, with the proven hello in front. */
export async function* greeted(
  send: (request: DeviceRequest) => Promise<void>,
  answers: AsyncGenerator<DeviceAnswer>,
  node: Uint8Array
): AsyncGenerator<DeviceAnswer> {
  const greeting = greetingRequest(node)
  await send(greeting.request)
  const first = await answers.next()
  if (first.done === true) return
  yield greeting.hello(first.value)
  yield* answers
}
