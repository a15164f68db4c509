/** One field of a message: varint and fixed values as bigint, length-delimited ones as a view of the input. */
export interface ProtobufField {
  readonly number: number
  readonly value: bigint | Uint8Array
}

/** A server's answer has a handful of fields; more is not an answer. */
const kMaxFields = 1024

/**
 * Splits a protobuf message into its fields, one level deep. Servers are not trusted: truncated or overlong input, groups
 * and field number 0 yield undefined, never a throw.
 */
export function readFields(bytes: Uint8Array): readonly ProtobufField[] | undefined {
  const fields: ProtobufField[] = []
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let at = 0
  while (at < bytes.length) {
    if (fields.length === kMaxFields) return undefined
    const tag = readVarint(bytes, at)
    if (tag === undefined || tag.value > 0xffff_ffffn) return undefined
    const number = Number(tag.value >> 3n)
    if (number === 0) return undefined
    at = tag.next
    switch (Number(tag.value & 7n)) {
      case 0: {
        const varint = readVarint(bytes, at)
        if (varint === undefined) return undefined
        fields.push({ number, value: varint.value })
        at = varint.next
        break
      }
      case 1:
        if (at + 8 > bytes.length) return undefined
        fields.push({ number, value: view.getBigUint64(at, true) })
        at += 8
        break
      case 2: {
        const length = readVarint(bytes, at)
        if (length === undefined || length.value > BigInt(bytes.length - length.next)) return undefined
        const end = length.next + Number(length.value)
        fields.push({ number, value: bytes.subarray(length.next, end) })
        at = end
        break
      }
      case 5:
        if (at + 4 > bytes.length) return undefined
        fields.push({ number, value: BigInt(view.getUint32(at, true)) })
        at += 4
        break
      default:
        return undefined
    }
  }
  return fields
}

/** The last length-delimited field of that number (protobuf: the last one wins). */
export function bytesField(fields: readonly ProtobufField[], number: number): Uint8Array | undefined {
  const value = fields.findLast((field) => field.number === number)?.value
  return typeof value === 'bigint' ? undefined : value
}

/** The last int64 of that number; 0, proto3's default, when absent. */
export function intField(fields: readonly ProtobufField[], number: number): bigint {
  const value = fields.findLast((field) => field.number === number)?.value
  return typeof value === 'bigint' ? BigInt.asIntN(64, value) : 0n
}

function readVarint(bytes: Uint8Array, start: number): { value: bigint; next: number } | undefined {
  let value = 0n
  for (let at = start, shift = 0n; at < bytes.length && shift < 70n; at++, shift += 7n) {
    const byte = bytes[at]!
    value |= BigInt(byte & 0x7f) << shift
    if (byte < 0x80) return { value: BigInt.asUintN(64, value), next: at + 1 }
  }
  return undefined
}
