// Loaded before each test, see .taprc. Tests whose code is not counted keep what Node compiled, which halves the time
// until a node runs, in the processes that they start as well. With the cache the counts would not be exact.
import { enableCompileCache } from 'node:module'
import { fileURLToPath } from 'node:url'

// What tap tells the processes of a test that is not counted.
if (process.env['_TAPJS_PROCESSINFO_COVERAGE_'] === '0') {
  const cache = fileURLToPath(new URL('../.tap/compile-cache', import.meta.url))
  enableCompileCache(cache)
  process.env['NODE_COMPILE_CACHE'] = cache
}
