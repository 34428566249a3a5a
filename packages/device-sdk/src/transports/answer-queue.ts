import { VitalchainError, type DeviceAnswer } from '@vitalchain/core'

/** Answers that wait for their reader. A window of statements and their receipts is 128; more is a node that floods. */
const ANSWERS_WAITING_MAX = 1_024

/** What a node said, for one reader. */
export class AnswerQueue {
  readonly #answers: DeviceAnswer[] = []
  #end: { readonly error: Error | undefined } | undefined
  #wake: (() => void) | undefined

  push(answer: DeviceAnswer): void {
    if (this.#end !== undefined) return
    if (this.#answers.push(answer) > ANSWERS_WAITING_MAX)
      this.end(
        new VitalchainError('ERR_DEVICE_PROTOCOL', 'the node says more than it was asked', {
          retryable: true
        })
      )
    this.#wake?.()
  }

  /** Ends the queue behind what is in it, in good order or with an error. The first end counts. */
  end(error?: Error): void {
    this.#end ??= { error }
    this.#wake?.()
  }

  async *read(): AsyncGenerator<DeviceAnswer> {
    while (true) {
      const answer = this.#answers.shift()
      if (answer !== undefined) yield answer
      else if (this.#end?.error !== undefined) throw this.#end.error
      else if (this.#end !== undefined) return
      else
        await new Promise<void>(resolve => {
          this.#wake = resolve
        })
    }
  }
}
