// Loaded before each test, see .taprc.
import asyncHooks from 'node:async_hooks'
import { enableCompileCache, syncBuiltinESMExports } from 'node:module'
import { fileURLToPath } from 'node:url'

// Tests whose code is not counted keep what Node compiled, which halves the time until a node runs, in the processes that
// they start as well. With the cache the counts would not be exact. The variable is what tap tells their processes.
if (process.env['_TAPJS_PROCESSINFO_COVERAGE_'] === '0') {
  const cache = fileURLToPath(new URL('../.tap/compile-cache', import.meta.url))
  enableCompileCache(cache)
  process.env['NODE_COMPILE_CACHE'] = cache
}

// tap follows every promise until it is collected, to say which subtest an error belongs to that nobody caught. With a
// network in the process that is a fifth of its time. Such an error still fails its file, with its stack.
const { createHook } = asyncHooks
asyncHooks.createHook = callbacks => createHook({ ...callbacks, trackPromises: false })
syncBuiltinESMExports()
