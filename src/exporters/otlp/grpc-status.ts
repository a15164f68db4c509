import { tellable } from '../../lib/credentials/tellable.js'
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

/**
 * Decides by status code. RESOURCE_EXHAUSTED is retryable only with RetryInfo: then the server is overloaded and says
 * so; without, the request itself is too large and would be so again. What was cut before anybody judged it is tried again
 * whatever its code: INTERNAL is a verdict on the data only when a server says it.
 *
 * The reason is the code and the server's text, as `tellable`.
 *
 * @param secrets - the header values sent
 */
export function sendResultOf(status: GrpcStatus, secrets: Iterable<string>): SendResult {
  const afterMs = status.statusDetails && readRetryDelayMs(status.statusDetails)
  const reason = `${status.name}: ${tellable(status.details, secrets)}`
  const overloaded = status.name === 'RESOURCE_EXHAUSTED' && afterMs !== undefined
  if (!retryableCodes.has(status.name) && !overloaded && status.cut !== true)
    return { kind: 'permanent', reason, anyRequest: anyRequestCodes.has(status.name) }
  return afterMs === undefined ? { kind: 'retryable', reason } : { kind: 'retryable', reason, afterMs }
}
