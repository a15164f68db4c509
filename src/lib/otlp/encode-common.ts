import { type Attributes, type AttributeValue, EncodedValue } from '../../data/attributes.js'
import type { Origin, Resource } from '../../data/resource.js'
import { isInt64 } from './enums.js'
import { Prepared } from './prepared.js'
import type { ProtobufWriter } from './protobuf-writer.js'
import type { Scope } from './scope.js'

/** KeyValue{key 1, value 2}, repeated. */
export function writeAttributes(writer: ProtobufWriter, field: number, attributes: Attributes): void {
  for (const key in attributes) {
    const pair = writer.begin(field)
    writer.string(1, key)
    writeAnyValue(writer, 2, attributes[key]!)
    writer.end(pair)
  }
}

/**
 * AnyValue{string 1, bool 2, int 3, double 4, array 5}, or what another program had there. A bigint that int64 cannot carry goes as decimal text: exact and
 * visible instead of wrapped around.
 */
export function writeAnyValue(writer: ProtobufWriter, field: number, value: AttributeValue): void {
  const any = writer.begin(field)
  if (typeof value === 'string') writer.string(1, value)
  else if (typeof value === 'boolean') writer.varint(2, value ? 1 : 0)
  else if (value instanceof EncodedValue) writer.put(value.fields)
  else if (typeof value === 'object') {
    const array = writer.begin(5)
    for (const element of value) writeAnyValue(writer, 1, element)
    writer.end(array)
  } else if (isInt64(value)) writer.varint(3, value)
  else if (typeof value === 'bigint') writer.string(1, String(value))
  else writer.double(4, value)
  writer.end(any)
}

/** Those of the pool are frozen and live for hours; any other is of a replayed recording or a test. */
const resources = new Prepared<Resource>((writer, resource) => {
  const start = writer.begin(1)
  writeAttributes(writer, 1, resource.attributes)
  if (resource.origin !== undefined) writer.put(resource.origin.resource)
  writer.end(start)
}, Object.isFrozen)

const scopes = new Prepared<Scope>((writer, scope) => {
  const start = writer.begin(1)
  writer.string(1, scope.name)
  writer.string(2, scope.version)
  writer.end(start)
}, Object.isFrozen)

/** What the records of one resource take: mostly 128 bytes to 16 KiB. */
const kLengthBytes = 2

export interface OpenGroup {
  readonly resource: number
  readonly scope: number
}

/** Resource{attributes 1} as field 1, then the scope message opened: for `endResourceAndScope`. */
export function beginResourceAndScope(writer: ProtobufWriter, resource: Resource, scope: Scope): OpenGroup {
  const { origin } = resource
  const outer = writer.begin(1, kLengthBytes)
  resources.write(writer, resource)
  if (origin !== undefined) writer.put(origin.resourceRecords)
  const inner = writer.begin(2, kLengthBytes)
  if (origin === undefined) scopes.write(writer, scope)
  else writeOrigin(writer, origin)
  return { resource: outer, scope: inner }
}

function writeOrigin(writer: ProtobufWriter, origin: Origin): void {
  if (origin.scope !== '') {
    const start = writer.begin(1)
    writer.put(origin.scope)
    writer.end(start)
  }
  writer.put(origin.scopeRecords)
}

export function endResourceAndScope(writer: ProtobufWriter, { resource, scope }: OpenGroup): void {
  writer.end(scope, kLengthBytes)
  writer.end(resource, kLengthBytes)
}
