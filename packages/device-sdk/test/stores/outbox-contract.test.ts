import { join } from 'node:path'
import t from 'tap'
import { memoryOutbox, type OutboxStore } from '../../src/index.ts'
import { fileOutbox } from '../../src/stores/node.ts'
import { outboxContract } from '../../src/stores/testing.ts'

t.test('files', async t => {
  const directory = t.testdir()
  outboxContract((name, run) => t.test(name, run), {
    open: medium => fileOutbox(join(directory, medium)),
    durable: true
  })
})

t.test('memory', async t => {
  const media = new Map<string, OutboxStore>()
  outboxContract((name, run) => t.test(name, run), {
    open: medium => {
      const store = media.get(medium) ?? memoryOutbox()
      media.set(medium, store)
      return store
    },
    durable: false
  })
})
