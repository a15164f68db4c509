import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js'
import type { Schema } from '../component/schema.js'
import { formats } from './formats.js'

/** A JSON Schema, read only by its own keywords. */
export type JsonSchema = Readonly<Record<string, unknown>>

/** Our schema language as strict JSON Schema: unknown keys are errors, and a key with a default is never required. */
export function toJsonSchema(schema: Schema): JsonSchema {
  if ('anyOf' in schema) return { anyOf: schema.anyOf.map(toJsonSchema) }
  if (schema.type === 'array') {
    const { description: _d, default: _default, items, ...rest } = schema
    return { ...rest, items: toJsonSchema(items) }
  }
  if (schema.type !== 'object') {
    const { description: _d, default: _default, ...rest } = schema
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

/** Validation by ajv, compiled once per schema object and loading. Dropped with the loading: ajv is not small. */
export class Validator {
  // The schemas are typed and ours: checking them against the meta-schema would cost three times their compilation.
  readonly #ajv = new Ajv2020({
    strict: true,
    allErrors: true,
    verbose: true,
    messages: false,
    meta: false,
    validateSchema: false,
  })
  readonly #compiled = new Map<Schema, ValidateFunction>()

  constructor() {
    for (const [name, rule] of Object.entries(formats))
      this.#ajv.addFormat(name, { type: 'string', validate: (text: string) => rule.complaint(text) === undefined })
  }

  /** What ajv finds wrong with a plain value; empty when it is valid. */
  errors(schema: Schema, value: unknown): readonly ErrorObject[] {
    let validate = this.#compiled.get(schema)
    if (validate === undefined) {
      validate = this.#ajv.compile(toJsonSchema(schema))
      this.#compiled.set(schema, validate)
    }
    return validate(value) ? [] : [...(validate.errors ?? [])]
  }

  accepts(schema: Schema, value: unknown): boolean {
    return this.errors(schema, value).length === 0
  }
}
