import { cp, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { createRandom } from '../../src/dev/random.ts'
import { run } from '../cli/run.ts'
import { auditedNode, contentOf, rawRecords } from './audited-node.ts'

const SEED = Number(process.env['SEED'] ?? 1)
const FLIPS = 200

t.test(
  `${FLIPS} flips of bytes in the files, seed ${SEED}: reported, or nothing changed`,
  async t => {
    const root = t.testdir({})
    const { dataDir } = await auditedNode(join(root, 'node'))
    // Opening moves records between files: what counts is the content of the files as they are now.
    const pristine = join(root, 'pristine')
    await cp(dataDir, pristine, { recursive: true })
    const content = contentOf(await rawRecords(join(dataDir, 'ledger')))
    const files = await filesIn(pristine)
    const random = createRandom(SEED)
    const counts = { reported: 0, unchanged: 0 }
    const missed: string[] = []
    for (let flip = 0; flip < FLIPS; flip++) {
      const file = files[flip % files.length]!
      const copy = join(root, `copy-${flip}`)
      await cp(pristine, copy, { recursive: true })
      const bytes = await readFile(join(copy, file))
      const bit = Math.floor(random.between(0, 8 * bytes.length))
      bytes[bit >> 3]! ^= 1 << (bit & 7)
      await writeFile(join(copy, file), bytes)
      const { exit, out, err } = await run('verify', '--data-dir', copy)
      if (exit !== 0) {
        counts.reported += 1
        if (!/INVALID|\(ERR_[A-Z_]+\)$/.test([...out, ...err].join('\n')))
          missed.push(`${file} bit ${bit}: ${[...out, ...err].join()}`)
      } else if (contentOf(await rawRecords(join(copy, 'ledger'))) === content)
        counts.unchanged += 1
      else missed.push(`${file} bit ${bit}`)
    }
    t.same(missed, [])
    t.ok(counts.reported > FLIPS / 4, JSON.stringify(counts))
  }
)

/** The files of a data directory that are not empty, but LevelDB's log for people. */
async function filesIn(dataDir: string): Promise<readonly string[]> {
  const names = await readdir(dataDir, { recursive: true })
  const files: string[] = []
  for (const name of names.toSorted()) {
    const found = await stat(join(dataDir, name))
    if (found.isFile() && found.size > 0 && !/LOG(\.old)?$/.test(name)) files.push(name)
  }
  return files
}
