// Writes the types of a description of the API (OpenAPI 3.1) that stands on the standard input. `npm run client` runs it. It is here
// because openapi-typescript needs the JavaScript API that TypeScript 7 lacks.
import { json } from 'node:stream/consumers'
import openapiTypes, { astToString } from 'openapi-typescript'
import ts from 'typescript'

const BYTES = ts.factory.createTypeReferenceNode('Uint8Array')

const nodes = await openapiTypes(await json(process.stdin), {
  // A body of bytes is bytes.
  transform: ({ format }) => (format === 'binary' ? BYTES : undefined)
})
process.stdout.write(astToString(nodes))
