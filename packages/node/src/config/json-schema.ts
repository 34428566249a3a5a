import { SETTINGS, variableOf, type Setting } from './settings.ts'

/** The JSON Schema (draft 2020-12) of a node's file of settings, for editors and other tools. */
export function configJsonSchema(): object {
  const properties: Record<string, Record<string, unknown>> = {}
  for (const setting of SETTINGS) {
    const [group = '', name] = setting.path.split('.')
    if (name === undefined) {
      properties[group] = valueSchema(setting)
      continue
    }
    const before = properties[group]?.['properties'] ?? {}
    properties[group] = {
      type: 'object',
      properties: { ...before, [name]: valueSchema(setting) },
      additionalProperties: false
    }
  }
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Settings of a vitalchain node (node.json or node.yaml)',
    type: 'object',
    properties: { $schema: { type: 'string' }, ...properties },
    additionalProperties: false
  }
}

function valueSchema(setting: Setting): Record<string, unknown> {
  const { about, fallback } = setting
  return {
    description: `${about} (${variableOf(setting)})`,
    ...typeSchema(setting),
    ...(fallback === undefined ? {} : { default: fallback })
  }
}

function typeSchema({ kind, range, choices }: Setting): Record<string, unknown> {
  switch (kind) {
    case 'text':
      return { type: 'string', minLength: 1, ...(choices === undefined ? {} : { enum: choices }) }
    case 'integer':
      return {
        type: 'integer',
        ...(range === undefined ? {} : { minimum: range[0], maximum: range[1] })
      }
    case 'boolean':
      return { type: 'boolean' }
    case 'texts':
      return { type: 'array', items: { type: 'string' } }
    case 'addresses':
      return { type: 'array', items: { type: 'string', pattern: '^/' } }
  }
}
