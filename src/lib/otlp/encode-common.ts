import type { Attributes, AttributeValue } from '../../data/attributes.js'
import type { Resource } from '../../data/resource.js'
import { isInt64 } from './enums.js'
import type { ProtobufWriter } from './protobuf-writer.js'
import type { Scope } from './scope.js'

/** KeyValue{key 1, value 2}, repeated. */
export function writeAttributes(writer: ProtobufWriter, field: number, attributes: Attributes): void {
  for (const [key, value] of Object.entries(attributes)) {
    const pair = writer.begin(field)
    writer.string(1, key)
    writeAnyValue(writer, 2, value)
    writer.end(pair)
  }
}

/**
 * AnyValue{string 1, bool 2, int 3, double 4, array 5}. A bigint that int64 cannot carry goes as decimal text: exact and
 * visible instead of wrapped around.
 */
export function writeAnyValue(writer: ProtobufWriter, field: number, value: AttributeValue): void {
  const any = writer.begin(field)
  if (typeof value === 'string') writer.string(1, value)
  else if (typeof value === 'boolean') writer.varint(2, value ? 1 : 0)
  else if (typeof value === 'object') {
    const array = writer.begin(5)
    for (const element of value) writeAnyValue(writer, 1, element)
    writer.end(array)
  } else if (isInt64(value)) writer.varint(3, value)
  else if (typeof value === 'bigint') writer.string(1, String(value))
  else writer.double(4, value)
  writer.end(any)
}

/** Resource{attributes 1} as field 1, then the scope message opened: give what it returns to `end`, twice outward. */
export function beginResourceAndScope(
  writer: ProtobufWriter,
  resource: Resource,
  scope: Scope,
): { readonly resource: number; readonly scope: number } {
  const outer = writer.begin(1)
  const res = writer.begin(1)
  writeAttributes(writer, 1, resource.attributes)
  writer.end(res)
  const inner = writer.begin(2)
  const head = writer.begin(1)
  writer.string(1, scope.name)
  writer.string(2, scope.version)
  writer.end(head)
  return { resource: outer, scope: inner }
}
