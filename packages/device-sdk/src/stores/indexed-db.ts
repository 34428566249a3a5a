// What an outbox needs of a browser, so that the SDK compiles without the browser's types and says what is missing.

export interface IdbRequest<T> {
  readonly result: T
  readonly error: Error | null
  addEventListener(event: 'success' | 'error' | 'upgradeneeded', listener: () => void): void
}

export interface IdbDatabase {
  createObjectStore(name: string): unknown
  transaction(
    stores: readonly string[],
    mode: 'readonly' | 'readwrite',
    options?: { readonly durability: 'strict' | 'relaxed' }
  ): IdbTransaction
  close(): void
}

export interface IdbTransaction {
  readonly error: Error | null
  objectStore(name: string): IdbObjectStore
  addEventListener(event: 'complete' | 'abort', listener: () => void): void
}

export interface IdbObjectStore {
  get(key: unknown): IdbRequest<unknown>
  getAll(): IdbRequest<readonly unknown[]>
  put(value: unknown, key: unknown): unknown
  delete(key: unknown): unknown
}

interface Idb {
  open(name: string, version: number): IdbRequest<IdbDatabase>
}

interface KeyRange {
  bound(lower: unknown, upper: unknown): unknown
}

interface Locks {
  request(
    name: string,
    options: { readonly ifAvailable: boolean },
    run: (lock: unknown) => Promise<void>
  ): Promise<void>
}

/** The parts of a browser, each undefined where it is missing. */
export interface Browser {
  readonly indexedDB: Idb | undefined
  readonly keyRange: KeyRange | undefined
  readonly locks: Locks | undefined
}

/** The browser that this code runs in. */
export function thisBrowser(): Browser {
  const navigator: unknown = Reflect.get(globalThis, 'navigator')
  const indexedDB: unknown = Reflect.get(globalThis, 'indexedDB')
  const keyRange: unknown = Reflect.get(globalThis, 'IDBKeyRange')
  const locks: unknown = isObject(navigator) ? Reflect.get(navigator, 'locks') : undefined
  return {
    indexedDB: has<Idb>(indexedDB, 'open') ? indexedDB : undefined,
    keyRange: has<KeyRange>(keyRange, 'bound') ? keyRange : undefined,
    locks: has<Locks>(locks, 'request') ? locks : undefined
  }
}

function has<T>(value: unknown, method: keyof T & string): value is T {
  return isObject(value) && typeof Reflect.get(value, method) === 'function'
}

function isObject(value: unknown): value is object {
  return (typeof value === 'object' && value !== null) || typeof value === 'function'
}
