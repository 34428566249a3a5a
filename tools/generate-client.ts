// Writes the types of the typed client; with --check it only compares them. `npm run client` runs it.
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { createHttpApi, createLedgerNode } from '@vitalchain/node'
import { format, type FormatConfig } from 'oxfmt'
import { foundNetwork } from '../packages/node/src/testing/found-network.ts'

const NOTE = `// Made by \`npm run client\` from the description of the HTTP API. Not to be edited.\n`

/** Makes types of a description of an API. */
function typesOf(description: object): string {
  const program = fileURLToPath(new URL('../docs/client-types.mjs', import.meta.url))
  const input = JSON.stringify(description)
  const { status, stdout, stderr } = spawnSync(process.execPath, [program], {
    input,
    encoding: 'utf8'
  })
  if (status !== 0) throw new Error(stderr)
  return stdout
}

/** What of a description is changed here. */
interface Described {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
}

interface Operation {
  responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, unknown>> }>>
}

/** Any refusal is a problem, whose codes are one type: a type of its own for each operation and status would be ten times as long. */
const PROBLEM = {
  description: 'What was refused, and why.',
  content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } }
}

/** Other forms beside JSON are asked for with `parseAs`, whose type openapi-fetch knows. */
function onlyJson(content: Readonly<Record<string, unknown>> = {}): object {
  const json = content['application/json']
  return json === undefined ? content : { 'application/json': json }
}

/** The types of the typed client, from the schemas of the routes. */
async function clientTypes(): Promise<string> {
  const { document, members } = foundNetwork({ names: ['One'], created: 0 })
  const [first] = members
  if (first === undefined) throw new Error('no member')
  const node = createLedgerNode({ genesis: document, keys: { transport: first.transport } })
  const api = createHttpApi({ node, token: 'nobody asks here: '.replaceAll(/\W/g, '-').repeat(3) })
  const described = await api.app.inject('/openapi.json')
  await api.close()
  const openApi = described.json() as Described
  for (const path of Object.values(openApi.paths))
    for (const operation of Object.values(path)) {
      const responses: Record<string, object> = { default: PROBLEM }
      for (const [status, answer] of Object.entries(operation.responses))
        if (status < '400') responses[status] = { ...answer, content: onlyJson(answer.content) }
      operation.responses = responses
    }
  const types = typesOf(openApi)
  const options = JSON.parse(
    readFileSync(new URL('../.oxfmtrc.json', import.meta.url), 'utf8')
  ) as FormatConfig
  const { code, errors } = await format('schema.ts', NOTE + types, options)
  if (errors.length > 0) throw new Error(JSON.stringify(errors))
  return code
}

/** The file of the types. */
const FILE = new URL('../packages/node/src/client/schema.ts', import.meta.url)

const types = await clientTypes()
if (!process.argv.includes('--check')) writeFileSync(FILE, types)
else if (types !== readFileSync(FILE, 'utf8')) {
  process.stderr.write('packages/node/src/client/schema.ts is not of this API: npm run client\n')
  process.exitCode = 1
}
