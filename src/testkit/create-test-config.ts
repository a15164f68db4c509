import type { ConfigOf, ObjectSchema, Schema } from '../component/schema.js'
import { parseDuration } from '../util/duration.js'
import { parseSize } from '../util/size.js'

/**
 * Makes the configuration a component would get from the YAML `written`: defaults filled in, durations and sizes as
 * numbers, frozen. Enough for tests of one component; the agent itself validates with src/config.
 *
 * @throws Error naming the key: unknown, missing, of the wrong type or outside its enum or range
 */
export function createTestConfig<S extends ObjectSchema>(schema: S, written: unknown = {}): ConfigOf<S> {
  return readTestConfig(schema, written) as ConfigOf<S>
}

/** The same where the schema is known only at run time (`ConfigOf` of the general schema has no end). */
export function readTestConfig(schema: ObjectSchema, written: unknown = {}): unknown {
  return fill(schema, written, '')
}

function fill(schema: Schema, written: unknown, path: string): unknown {
  const value = written === undefined ? schema.default : written
  if (value === undefined) throw new Error(`${path}: is required`)
  if ('anyOf' in schema) return fillUnion(schema.anyOf, value, path)
  switch (schema.type) {
    case 'string':
      return fillString(schema, value, path)
    case 'boolean':
      if (typeof value !== 'boolean') throw new Error(`${path}: must be true or false`)
      return value
    case 'integer':
    case 'number':
      if (typeof value !== 'number' || (schema.type === 'integer' && !Number.isInteger(value)))
        throw new Error(`${path}: must be a number of type ${schema.type}`)
      if (value < (schema.minimum ?? -Infinity) || value > (schema.maximum ?? Infinity))
        throw new Error(`${path}: ${value} is out of range`)
      return value
    case 'array':
      if (!Array.isArray(value)) throw new Error(`${path}: must be a list`)
      if (value.length < (schema.minItems ?? 0) || value.length > (schema.maxItems ?? Infinity))
        throw new Error(`${path}: has ${value.length} entries`)
      return Object.freeze(value.map((item, index) => fill(schema.items, item, `${path}[${index}]`)))
    case 'object':
      return fillObject(schema, value, path)
  }
}

function fillUnion(choices: readonly Schema[], value: unknown, path: string): unknown {
  const reasons: string[] = []
  for (const choice of choices) {
    try {
      return fill(choice, value, path)
    } catch (error) {
      reasons.push((error as Error).message)
    }
  }
  throw new Error(reasons.join('; or '))
}

function fillString(schema: Extract<Schema, { type: 'string' }>, value: unknown, path: string): unknown {
  if (typeof value !== 'string') throw new Error(`${path}: must be text`)
  if (schema.enum !== undefined && !schema.enum.includes(value))
    throw new Error(`${path}: must be one of ${schema.enum.join(', ')}`)
  if (schema.pattern !== undefined && !new RegExp(schema.pattern, 'u').test(value))
    throw new Error(`${path}: must match ${schema.pattern}`)
  if (value.length < (schema.minLength ?? 0) || value.length > (schema.maxLength ?? Infinity))
    throw new Error(`${path}: has ${value.length} characters`)
  if (schema.format !== 'duration' && schema.format !== 'size') return value
  const parsed = schema.format === 'duration' ? parseDuration(value) : parseSize(value)
  if (typeof parsed !== 'number') throw new Error(`${path}: ${parsed.reason}`)
  return parsed
}

function fillObject(schema: Extract<Schema, { type: 'object' }>, value: unknown, path: string): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error(`${path}: must be a map`)
  const result: Record<string, unknown> = {}
  if (!('properties' in schema)) {
    for (const [key, part] of Object.entries(value))
      result[key] = fill(schema.additionalProperties, part, join(path, key))
    return Object.freeze(result)
  }
  for (const key of Object.keys(value))
    if (!Object.hasOwn(schema.properties, key)) throw new Error(`${join(path, key)}: unknown key`)
  for (const [key, part] of Object.entries(schema.properties)) {
    const given = (value as Record<string, unknown>)[key]
    if (given === undefined && part.default === undefined && !schema.required?.includes(key)) continue
    result[key] = fill(part, given, join(path, key))
  }
  return Object.freeze(result)
}

function join(path: string, key: string): string {
  return path === '' ? key : `${path}.${key}`
}
