import { type ServiceError, status } from '@grpc/grpc-js'
import type { SendResult } from '../../lib/delivery/sender.js'
import { readRetryDelayMs } from '../../lib/otlp/response.js'

/** Codes the OTLP specification calls retryable ("Failures", OTLP/gRPC). */
const retryableCodes: ReadonlySet<number> = new Set([
  status.CANCELLED,
  status.DEADLINE_EXCEEDED,
  status.ABORTED,
  status.OUT_OF_RANGE,
  status.UNAVAILABLE,
  status.DATA_LOSS,
])

/** Codes that are about who sends, or a service the server does not have: no other request would fare better. */
const anyRequestCodes: ReadonlySet<number> = new Set([
  status.UNAUTHENTICATED,
  status.PERMISSION_DENIED,
  status.UNIMPLEMENTED,
])

/**
 * What grpc-js says (subchannel-call.js) of a stream that ended before any status arrived: a server was killed, a proxy
 * closed the connection. It reports INTERNAL or RESOURCE_EXHAUSTED, which from a server would be a verdict on the data;
 * here nobody has judged it, so it is tried again.
 */
const noVerdict = /^(Received RST_STREAM with code \d|Bandwidth exhausted or memory limit exceeded$|Write error: )/

/** The server's text is kept short and on one line; a proxy may answer with a page of HTML. */
const kMaxDetails = 200

/**
 * Decides by status code. RESOURCE_EXHAUSTED is retryable only with RetryInfo: then the server is overloaded and says
 * so; without, the request itself is too large and would be so again.
 *
 * The reason is the code and the server's text, as `tellable`.
 *
 * @param secrets - the header values sent
 */
export function sendResultOf(error: ServiceError, secrets: readonly string[]): SendResult {
  const afterMs = retryDelayOf(error)
  const reason = `${status[error.code] ?? `code ${error.code}`}: ${tellable(error.details, secrets)}`
  if (!isRetryable(error, afterMs)) return { kind: 'permanent', reason, anyRequest: anyRequestCodes.has(error.code) }
  return afterMs === undefined ? { kind: 'retryable', reason } : { kind: 'retryable', reason, afterMs }
}

function isRetryable({ code, details }: ServiceError, afterMs: number | undefined): boolean {
  if (retryableCodes.has(code)) return true
  if (code === status.RESOURCE_EXHAUSTED && afterMs !== undefined) return true
  return (code === status.INTERNAL || code === status.RESOURCE_EXHAUSTED) && noVerdict.test(details)
}

function retryDelayOf(error: ServiceError): number | undefined {
  const details = error.metadata?.get('grpc-status-details-bin')[0]
  return Buffer.isBuffer(details) ? readRetryDelayMs(details) : undefined
}

/**
 * A server's text as logs and status pages may show it: short, on one line. Servers do quote the credentials they refuse:
 * header values (and each word of them, as in `Bearer TOKEN`) are taken out.
 *
 * @param secrets - the header values sent
 */
export function tellable(text: string, secrets: readonly string[]): string {
  return oneLine(withoutSecrets(text, secrets))
}

/** Shorter words ("v1") are no secrets, and taking them out would garble every message. */
const kMinSecret = 6

function withoutSecrets(text: string, secrets: readonly string[]): string {
  return secrets
    .flatMap((secret) => [secret, ...secret.split(/\s+/)])
    .filter((word) => word.length >= kMinSecret)
    .reduce((rest, word) => rest.replaceAll(word, '[REDACTED]'), text)
}

function oneLine(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control bytes are what is being removed
  const line = text.replace(/[\u0000-\u001f\u007f-\u009f]+/g, ' ')
  // grpc-js ends its own texts with this even when there is nothing to note.
  return line.replace(/ Resolution note: $/, '').slice(0, kMaxDetails)
}
