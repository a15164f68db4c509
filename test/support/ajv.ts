import { Ajv2020, type ErrorObject } from 'ajv/dist/2020.js'
import type { Schema } from '../../src/component/schema.js'
import { formats } from '../../src/config/formats.js'

/** Our schema language as strict JSON Schema: unknown keys are errors, and a key with a default is never required. */
export function toJsonSchema(schema: Schema): Readonly<Record<string, unknown>> {
  if ('anyOf' in schema) return { anyOf: schema.anyOf.map(toJsonSchema) }
  if (schema.type === 'array') {
    const { description: _d, default: _default, items, ...rest } = schema
    return { ...rest, items: toJsonSchema(items) }
  }
  if (schema.type !== 'object') {
    const { description: _d, default: _default, form: _form, ...rest } = { form: undefined, ...schema }
    return rest
  }
  if ('additionalProperties' in schema) {
    const { description: _d, default: _default, additionalProperties, ...rest } = schema
    return { ...rest, additionalProperties: toJsonSchema(additionalProperties) }
  }
  const properties = Object.entries(schema.properties).map(([key, value]) => [key, toJsonSchema(value)] as const)
  const required = (schema.required ?? []).filter((key) => schema.properties[key]?.default === undefined)
  return { type: 'object', properties: Object.fromEntries(properties), required, additionalProperties: false }
}

/**
 * Validation by ajv, an implementation of JSON Schema 2020-12 that shares no line with ours.
 *
 * @throws Error where the schema is not valid JSON Schema, or holds a keyword that there is not
 */
export function compileWithAjv(schema: Schema): (value: unknown) => readonly ErrorObject[] {
  const ajv = new Ajv2020({ strict: true, allErrors: true, verbose: true, messages: false })
  for (const [name, rule] of Object.entries(formats))
    ajv.addFormat(name, { type: 'string', validate: (text: string) => rule.complaint(text) === undefined })
  const validate = ajv.compile(toJsonSchema(schema))
  return (value) => (validate(value) ? [] : [...(validate.errors ?? [])])
}
