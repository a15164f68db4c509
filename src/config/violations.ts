import type {
  ArraySchema,
  MapSchema,
  NumberSchema,
  ObjectSchema,
  Schema,
  StringSchema,
  UnionSchema,
} from '../component/schema.js'
import { formats } from './formats.js'
import type { Path } from './problems.js'

/** One rule of a schema that a plain value breaks, and where in the value. Named as the keywords of JSON Schema 2020-12. */
export type Violation = { readonly path: Path } & (
  | { readonly rule: 'type'; readonly schema: Exclude<Schema, UnionSchema> }
  | { readonly rule: 'maximum' | 'minimum'; readonly schema: NumberSchema }
  | { readonly rule: 'maxLength' | 'minLength' | 'pattern' | 'format' | 'enum'; readonly schema: StringSchema }
  | { readonly rule: 'maxItems' | 'minItems'; readonly schema: ArraySchema }
  | { readonly rule: 'maxProperties'; readonly schema: MapSchema }
  /** `key` is missing. */
  | { readonly rule: 'required'; readonly schema: ObjectSchema; readonly key: string }
  /** `key` is not known. */
  | { readonly rule: 'additionalProperties'; readonly schema: ObjectSchema; readonly key: string }
  | UnionViolation
)

/** No branch takes the value: what each finds, in the order of the schema. */
export interface UnionViolation {
  readonly path: Path
  readonly rule: 'anyOf'
  readonly schema: UnionSchema
  readonly value: unknown
  readonly branches: readonly (readonly Violation[])[]
}

/**
 * All rules of a schema that a plain value breaks; empty when it is valid. As JSON Schema has them, but: unknown keys are
 * always violations, a key with a default is never required, and of a value of the wrong type nothing else is said.
 */
export function violations(schema: Schema, value: unknown, path: Path = []): readonly Violation[] {
  if ('anyOf' in schema) return inUnion(schema, value, path)
  if (!hasType(schema, value)) return [{ rule: 'type', schema, path }]
  switch (schema.type) {
    case 'string':
      return inString(schema, value as string, path)
    case 'integer':
    case 'number':
      return inNumber(schema, value as number, path)
    case 'boolean':
      return []
    case 'array':
      return inArray(schema, value as readonly unknown[], path)
    case 'object':
      return 'properties' in schema ? inObject(schema, value as Keys, path) : inMap(schema, value as Keys, path)
  }
}

/** From YAML, without a prototype. */
type Keys = Readonly<Record<string, unknown>>

function hasType(schema: Exclude<Schema, UnionSchema>, value: unknown): boolean {
  switch (schema.type) {
    case 'integer':
      return Number.isInteger(value)
    case 'number':
      return Number.isFinite(value)
    case 'array':
      return Array.isArray(value)
    case 'object':
      return typeof value === 'object' && value !== null && !Array.isArray(value)
    default:
      return typeof value === schema.type
  }
}

function inUnion(schema: UnionSchema, value: unknown, path: Path): readonly Violation[] {
  const branches: (readonly Violation[])[] = []
  for (const branch of schema.anyOf) {
    const found = violations(branch, value, path)
    if (found.length === 0) return []
    branches.push(found)
  }
  return [{ rule: 'anyOf', schema, path, value, branches }]
}

function inString(schema: StringSchema, text: string, path: Path): readonly Violation[] {
  const { maxLength, minLength, pattern, format } = schema
  const broken: Violation[] = []
  const breaks = (rule: 'maxLength' | 'minLength' | 'pattern' | 'format' | 'enum') =>
    void broken.push({ rule, schema, path })
  if (schema.enum !== undefined && !schema.enum.includes(text)) breaks('enum')
  if (maxLength !== undefined && text.length > maxLength && characters(text) > maxLength) breaks('maxLength')
  if (minLength !== undefined && characters(text) < minLength) breaks('minLength')
  if (pattern !== undefined && !new RegExp(pattern, 'u').test(text)) breaks('pattern')
  if (format !== undefined && formats[format].complaint(text) !== undefined) breaks('format')
  return broken
}

/** Code points, as JSON Schema counts. */
function characters(text: string): number {
  let count = 0
  for (const _ of text) count++
  return count
}

function inNumber(schema: NumberSchema, value: number, path: Path): readonly Violation[] {
  const broken: Violation[] = []
  if (schema.maximum !== undefined && value > schema.maximum) broken.push({ rule: 'maximum', schema, path })
  if (schema.minimum !== undefined && value < schema.minimum) broken.push({ rule: 'minimum', schema, path })
  return broken
}

function inArray(schema: ArraySchema, items: readonly unknown[], path: Path): readonly Violation[] {
  const broken: Violation[] = []
  if (schema.maxItems !== undefined && items.length > schema.maxItems) broken.push({ rule: 'maxItems', schema, path })
  if (schema.minItems !== undefined && items.length < schema.minItems) broken.push({ rule: 'minItems', schema, path })
  for (const [index, item] of items.entries()) broken.push(...violations(schema.items, item, [...path, index]))
  return broken
}

function inMap(schema: MapSchema, keys: Keys, path: Path): readonly Violation[] {
  const broken: Violation[] = []
  const entries = Object.entries(keys)
  if (schema.maxProperties !== undefined && entries.length > schema.maxProperties)
    broken.push({ rule: 'maxProperties', schema, path })
  for (const [key, item] of entries) broken.push(...violations(schema.additionalProperties, item, [...path, key]))
  return broken
}

function inObject(schema: ObjectSchema, keys: Keys, path: Path): readonly Violation[] {
  const broken: Violation[] = []
  for (const key of schema.required ?? [])
    if (!Object.hasOwn(keys, key) && schema.properties[key]?.default === undefined)
      broken.push({ rule: 'required', schema, path, key })
  for (const key of Object.keys(keys))
    if (!Object.hasOwn(schema.properties, key)) broken.push({ rule: 'additionalProperties', schema, path, key })
  for (const [key, property] of Object.entries(schema.properties))
    if (Object.hasOwn(keys, key)) broken.push(...violations(property, keys[key], [...path, key]))
  return broken
}
