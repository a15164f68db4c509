/** The codes of gRPC (grpc/doc/statuscodes.md), by number. */
export const statusNames = [
  'OK',
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
] as const

export type StatusName = (typeof statusNames)[number]

/** How a call ended. */
export interface GrpcStatus {
  readonly name: StatusName
  /** The server's own text, or what was seen here; '' when there is none. Not cleaned: it may quote anything. */
  readonly details: string
  /** google.rpc.Status as the server encoded it. */
  readonly statusDetails?: Uint8Array
  /** The stream ended before anybody had judged the request: a server was killed, a proxy closed the connection. */
  readonly cut?: true
}

/** Headers or trailers of a response, as node:http2 gives them. */
export type ReceivedHeaders = Readonly<Record<string, string | readonly string[] | number | undefined>>

/** What the server says itself; undefined when it says nothing. A code that is none counts as UNKNOWN (statuscodes.md). */
export function statusOf(headers: ReceivedHeaders): GrpcStatus | undefined {
  const code = headers['grpc-status']
  if (typeof code !== 'string') return undefined
  const known = /^\d{1,2}$/.test(code) ? statusNames[Number(code)] : undefined
  const message = unescaped(textOf(headers['grpc-message']))
  const status = known ? { name: known, details: message } : strange(code, message)
  const encoded = textOf(headers['grpc-status-details-bin']).split(',', 1)[0]! // the first, when there are several
  return encoded === '' ? status : { ...status, statusDetails: Buffer.from(encoded, 'base64') }
}

function strange(code: string, message: string): GrpcStatus {
  return { name: 'UNKNOWN', details: `grpc-status ${code.slice(0, 20)}: ${message}` }
}

/** grpc/doc/http-grpc-status-mapping.md; all others are UNKNOWN. */
const httpCodes: Readonly<Record<number, StatusName>> = {
  400: 'INTERNAL',
  401: 'UNAUTHENTICATED',
  403: 'PERMISSION_DENIED',
  404: 'UNIMPLEMENTED',
  429: 'UNAVAILABLE',
  502: 'UNAVAILABLE',
  503: 'UNAVAILABLE',
  504: 'UNAVAILABLE',
}

/** Whether what follows these headers is gRPC; otherwise it is a page of a proxy, or of a server for something else. */
export function isGrpc(headers: ReceivedHeaders): boolean {
  return headers[':status'] === 200 && textOf(headers['content-type']).startsWith('application/grpc')
}

/** What an answer that is no gRPC means; also what one with headers of gRPC means that ends without a status. */
export function statusOfHttp(headers: ReceivedHeaders): GrpcStatus {
  const http = Number(headers[':status'])
  const type = textOf(headers['content-type'])
  const kind = http !== 200 || type === '' ? '' : ` with content-type ${type}`
  return { name: httpCodes[http] ?? 'UNKNOWN', details: `Received HTTP status code ${http}${kind}` }
}

/** Error codes of HTTP/2 (RFC 9113, section 7), by number. */
const resetNames = [
  'NO_ERROR',
  'PROTOCOL_ERROR',
  'INTERNAL_ERROR',
  'FLOW_CONTROL_ERROR',
  'SETTINGS_TIMEOUT',
  'STREAM_CLOSED',
  'FRAME_SIZE_ERROR',
  'REFUSED_STREAM',
  'CANCEL',
  'COMPRESSION_ERROR',
  'CONNECT_ERROR',
  'ENHANCE_YOUR_CALM',
  'INADEQUATE_SECURITY',
  'HTTP_1_1_REQUIRED',
] as const

/** What the end of a stream without a status means (grpc/doc/PROTOCOL-HTTP2.md, "Errors"); of the others it is INTERNAL. */
const resetCodes: Readonly<Record<string, StatusName>> = {
  REFUSED_STREAM: 'UNAVAILABLE',
  CANCEL: 'CANCELLED',
  ENHANCE_YOUR_CALM: 'RESOURCE_EXHAUSTED',
  INADEQUATE_SECURITY: 'PERMISSION_DENIED',
}

export function statusOfReset(code: number): GrpcStatus {
  const name = resetNames[code] ?? 'unknown'
  const status = resetCodes[name] ?? 'INTERNAL'
  const details = `Received RST_STREAM with code ${code} (${name}) and no gRPC status`
  // A connection that is not safe enough stays so.
  return status === 'PERMISSION_DENIED' ? { name: status, details } : { name: status, details, cut: true }
}

function textOf(value: ReceivedHeaders[string]): string {
  return typeof value === 'string' ? value : ''
}

/** Percent-encoding of grpc-message; what is no such encoding stays as it is. */
function unescaped(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
