import { dirname } from 'node:path'
import { open, mkdir, readFile, rename, type FileHandle } from 'node:fs/promises'
import { isErrorCode } from './node-errors.ts'
import { nodeDisk } from '../stores/disk.ts'

/** How much of a message is in a statement: values up to `upTo` of the message with this key. */
export interface SeenPart {
  readonly key: string
  readonly upTo: number
}

/** What of the messages that may come again is in one statement, by its place. */
export interface SeenLine {
  readonly lane: 0 | 1
  readonly boot: number
  readonly seq: number
  readonly parts: readonly SeenPart[]
}

/**
 * An append-only file of {@link SeenLine}s, one in a line of JSON, synced before `append` resolves. What a power cut left
 * half written is cut off: nothing that it speaks of was stored.
 */
export class SeenJournal {
  readonly #path: string
  #file: FileHandle | undefined
  #bytes = 0
  #working: Promise<unknown> = Promise.resolve()

  constructor(path: string) {
    this.#path = path
  }

  /** Bytes of the file. */
  get bytes(): number {
    return this.#bytes
  }

  /** The whole lines of the file; none without one. */
  async read(): Promise<readonly SeenLine[]> {
    const text = await readFile(this.#path, 'utf8').catch((error: unknown) => {
      if (isErrorCode(error, 'ENOENT')) return ''
      throw error
    })
    return text.split('\n').flatMap(line => parseLine(line) ?? [])
  }

  /** Puts these lines in the place of all others. */
  rewrite(lines: readonly SeenLine[]): Promise<void> {
    return this.#alone(() => this.#rewrite(lines))
  }

  async #rewrite(lines: readonly SeenLine[]): Promise<void> {
    await this.#file?.close()
    this.#file = undefined
    await mkdir(dirname(this.#path), { recursive: true })
    const next = `${this.#path}.new`
    const file = await open(next, 'w')
    try {
      const text = lines.map(lineText).join('')
      await file.writeFile(text)
      await file.datasync()
      this.#bytes = Buffer.byteLength(text)
    } finally {
      await file.close()
    }
    await rename(next, this.#path)
    await nodeDisk.syncDirectory(dirname(this.#path))
    this.#file = await open(this.#path, 'a')
  }

  append(line: SeenLine): Promise<void> {
    return this.#alone(async () => {
      if (this.#file === undefined) throw new Error('rewrite() opens the journal')
      const text = lineText(line)
      await this.#file.appendFile(text)
      await this.#file.datasync()
      this.#bytes += Buffer.byteLength(text)
    })
  }

  close(): Promise<void> {
    return this.#alone(async () => {
      await this.#file?.close()
      this.#file = undefined
    })
  }

  /** One piece of work at a time, in the order of the calls. */
  #alone<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#working.then(work)
    this.#working = result.catch(() => undefined)
    return result
  }
}

function lineText({ lane, boot, seq, parts }: SeenLine): string {
  return `${JSON.stringify([lane, boot, seq, parts.map(({ key, upTo }) => [key, upTo])])}\n`
}

function parseLine(line: string): SeenLine | undefined {
  let json: unknown
  try {
    json = JSON.parse(line)
  } catch {
    return undefined
  }
  const [lane, boot, seq, parts] = itemsOf(json)
  if ((lane !== 0 && lane !== 1) || !isCount(boot) || !isCount(seq)) return undefined
  return {
    lane,
    boot,
    seq,
    parts: itemsOf(parts).flatMap(part => {
      const [key, upTo] = itemsOf(part)
      return typeof key === 'string' && isCount(upTo) ? { key, upTo } : []
    })
  }
}

function itemsOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}
