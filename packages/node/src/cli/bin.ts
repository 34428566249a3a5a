#!/usr/bin/env node
import { nodeVersionFault } from './node-version.ts'

// Everything else is loaded afterwards: on an old Node it would end in an error that says nothing.
const fault = nodeVersionFault(process.versions.node)
if (fault === undefined) {
  const { runProcess } = await import('./process.ts')
  await runProcess()
} else {
  process.stderr.write(`${fault}\n`)
  process.exitCode = 1
}
