import type { SendResult } from '../../lib/delivery/sender.js'
import type { GrpcStatus, StatusName } from '../../lib/grpc/status.js'
import { readRetryDelayMs } from '../../lib/otlp/response.js'

/** Codes the OTLP specification calls retryable ("Failures", OTLP/gRPC). */
const retryableCodes: ReadonlySet<StatusName> = new Set([
  'CANCELLED',
  'DEADLINE_EXCEEDED',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNAVAILABLE',
  'DATA_LOSS',
])

/** Codes that are about who sends, or a service the server does not have: no other request would fare better. */
const anyRequestCodes: ReadonlySet<StatusName> = new Set(['UNAUTHENTICATED', 'PERMISSION_DENIED', 'UNIMPLEMENTED'])

/** The server's text is kept short and on one line; a proxy may answer with a page of HTML. */
const kMaxDetails = 200

/**
 * Decides by status code. RESOURCE_EXHAUSTED is retryable only with RetryInfo: then the server is overloaded and says
 * so; without, the request itself is too large and would be so again. What was cut before anybody judged it is tried again
 * whatever its code: INTERNAL is a verdict on the data only when a server says it.
 *
 * The reason is the code and the server's text, as `tellable`.
 *
 * @param secrets - the header values sent
 */
export function sendResultOf(status: GrpcStatus, secrets: readonly string[]): SendResult {
  const afterMs = status.statusDetails && readRetryDelayMs(status.statusDetails)
  const reason = `${status.name}: ${tellable(status.details, secrets)}`
  const overloaded = status.name === 'RESOURCE_EXHAUSTED' && afterMs !== undefined
  if (!retryableCodes.has(status.name) && !overloaded && status.cut !== true)
    return { kind: 'permanent', reason, anyRequest: anyRequestCodes.has(status.name) }
  return afterMs === undefined ? { kind: 'retryable', reason } : { kind: 'retryable', reason, afterMs }
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

/** The longest first: of a secret that begins like a shorter one, the rest would stay. */
function withoutSecrets(text: string, secrets: readonly string[]): string {
  return secrets
    .flatMap((secret) => [secret, ...secret.split(/\s+/)])
    .filter((word) => word.length >= kMinSecret)
    .sort((a, b) => b.length - a.length)
    .reduce((rest, word) => rest.replaceAll(word, '[REDACTED]'), text)
}

function oneLine(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control bytes are what is being removed
  return text.replace(/[\u0000-\u001f\u007f-\u009f]+/g, ' ').slice(0, kMaxDetails)
}
