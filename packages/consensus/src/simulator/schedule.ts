interface Entry {
  readonly time: number
  readonly order: number
  readonly action: () => void
}

/** Virtual time: actions in order of time, those of one time in the order in which they were planned. */
export class Schedule {
  #now = 0
  #order = 0
  readonly #heap: Entry[] = []

  /** Virtual time, ms. */
  get now(): number {
    return this.#now
  }

  /** Plans an action in so many ms from now. */
  after(ms: number, action: () => void): void {
    const heap = this.#heap
    heap.push({ time: this.#now + ms, order: this.#order, action })
    this.#order += 1
    let at = heap.length - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!this.#swapIfEarlier(at, parent)) break
      at = parent
    }
  }

  /** Does the next action, unless it lies beyond `limit`; false when nothing was done. */
  next(limit: number): boolean {
    const first = this.#heap[0]
    if (first === undefined || first.time > limit) return false
    const last = this.#heap.pop()
    if (last !== undefined && last !== first) {
      this.#heap[0] = last
      this.#sink()
    }
    this.#now = first.time
    first.action()
    return true
  }

  #sink(): void {
    let at = 0
    for (;;) {
      const left = 2 * at + 1
      if (left >= this.#heap.length) return
      const child =
        left + 1 < this.#heap.length && this.#isEarlier(left + 1, left) ? left + 1 : left
      if (!this.#swapIfEarlier(child, at)) return
      at = child
    }
  }

  #isEarlier(a: number, b: number): boolean {
    const x = this.#heap[a]
    const y = this.#heap[b]
    if (x === undefined || y === undefined) return false
    return x.time < y.time || (x.time === y.time && x.order < y.order)
  }

  #swapIfEarlier(child: number, parent: number): boolean {
    if (!this.#isEarlier(child, parent)) return false
    const x = this.#heap[child]
    const y = this.#heap[parent]
    if (x === undefined || y === undefined) return false
    this.#heap[child] = y
    this.#heap[parent] = x
    return true
  }
}
