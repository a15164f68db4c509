// Finds the spans of an OTLP request by a walk over lengths: so little work that it is nobody's bottleneck.

function varint(bytes, at) {
  let value = 0
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[at++]
    value += (byte & 127) * 2 ** shift
    if (byte < 128) return [value, at]
  }
}

/** Calls `each(from, to)` for each field `number`, all of which have a length. */
function fields(bytes, from, end, number, each) {
  for (let at = from; at < end; ) {
    let tag
    let length
    ;[tag, at] = varint(bytes, at)
    ;[length, at] = varint(bytes, at)
    if ((tag & 7) !== 2) throw new Error('the walk knows messages only')
    if (tag >>> 3 === number) each(at, at + length)
    at += length
  }
}

/** Calls `each(from, to)` for each span of the ExportTraceServiceRequest that begins at `from`. */
export function walkSpans(bytes, from, each) {
  fields(bytes, from, bytes.length, 1, (resource, resourceEnd) =>
    fields(bytes, resource, resourceEnd, 2, (scope, scopeEnd) => fields(bytes, scope, scopeEnd, 2, each)),
  )
}
