import type { Signer } from '@vitalchain/core'
import type { Lane } from './lane.ts'
import { isBoundTo, isSameKey, type LaneVoice } from './lane-voice.ts'
import type { DeviceStream, StatementWriter } from './statement-writer.ts'
import type { Submission } from './submission.ts'

/** What changes of a device's lanes need. */
export interface LaneChangesInit {
  readonly lanes: readonly [Lane, Lane]
  readonly voices: readonly [LaneVoice, LaneVoice]
  readonly writer: StatementWriter
  /** All signers that a session may be opened with, the newest first; a rotation adds one. */
  readonly signers: Signer[]
  /** Signs and stores what was recorded until now. */
  readonly flush: () => Promise<void>
  /** A statement could not be signed or stored: its lane cannot go on. */
  readonly onFault: (lane: Lane, error: unknown) => void
}

/** Changes that concern both lanes, one at a time: while one is under way nothing is recorded. */
export class LaneChanges {
  readonly #init: LaneChangesInit
  #running: Promise<unknown> | undefined

  constructor(init: LaneChangesInit) {
    this.#init = init
  }

  /**
   * Resolves when the changes begun so far are over; undefined when none is under way. To be awaited as it is: who awaits
   * it before the next change is asked for goes on before that begins. Never rejects.
   */
  get running(): Promise<unknown> | undefined {
    return this.#running
  }

  /** Finishes what an earlier start left half done: brings each lane to the newest key, and each bound one to its stream. */
  async begin(bind: boolean): Promise<void> {
    const { voices, signers } = this.#init
    const [newest] = signers
    const isManaged = bind || voices.some(({ binding }) => binding !== undefined)
    const toRotate = ({ signer }: LaneVoice): boolean =>
      newest !== undefined && !isSameKey(signer.publicKey, newest.publicKey)
    const toBind = ({ stream, binding }: LaneVoice): boolean =>
      isManaged && stream !== undefined && !isBoundTo(binding, stream)
    if (newest === undefined || !voices.some(voice => toRotate(voice) || toBind(voice))) return
    await this.#alone(async () => {
      await this.#both(async (lane, voice) =>
        toRotate(voice) ? this.#rotate(lane, voice, newest) : undefined
      )
      await this.#both(async (lane, voice) =>
        toBind(voice) ? this.#bind(lane, voice, voice.stream) : undefined
      )
    })
  }

  /** Brings both lanes to a new key. */
  rotate(signer: Signer): Promise<readonly Submission[]> {
    return this.#alone(async () => {
      this.#init.signers.unshift(signer)
      return this.#both((lane, voice) => this.#rotate(lane, voice, signer))
    })
  }

  /** Binds both lanes to a stream, or to none, behind everything that was recorded before this call. */
  bind(stream: DeviceStream | undefined): Promise<readonly Submission[]> {
    return this.#alone(async () => {
      await this.#init.flush()
      return this.#both((lane, voice) => this.#bind(lane, voice, stream))
    })
  }

  async #rotate(lane: Lane, voice: LaneVoice, signer: Signer): Promise<Submission> {
    const { submission } = await lane.write(async place => {
      const entry = await this.#init.writer.rotation(lane.number, place, voice.signer, signer)
      voice.signer = signer
      return entry
    })
    return submission
  }

  async #bind(lane: Lane, voice: LaneVoice, stream: DeviceStream | undefined): Promise<Submission> {
    const { submission } = await lane.write(async place => {
      const binding = { stream: stream?.id, generation: stream?.generation ?? 0 }
      const entry = await this.#init.writer.binding(lane.number, place, voice.signer, binding)
      voice.stream = stream
      voice.binding = binding
      return entry
    })
    return submission
  }

  /** @throws Error what stopped one of the lanes; the other may have changed, and the next start finishes it */
  async #both(
    change: (lane: Lane, voice: LaneVoice) => Promise<Submission | undefined>
  ): Promise<readonly Submission[]> {
    const { lanes, voices, onFault } = this.#init
    const results = await Promise.allSettled(
      lanes.map(async (lane, k) => {
        try {
          return await change(lane, k === 0 ? voices[0] : voices[1])
        } catch (error) {
          onFault(lane, error)
          throw error
        }
      })
    )
    return results.flatMap(result => {
      if (result.status === 'rejected') throw result.reason
      return result.value ?? []
    })
  }

  #alone<T>(work: () => Promise<T>): Promise<T> {
    const result = (this.#running ?? Promise.resolve()).then(work)
    const over = async (): Promise<void> => {
      await result.catch(() => undefined)
      if (this.#running === done) this.#running = undefined
    }
    const done = over()
    this.#running = done
    return result
  }
}
