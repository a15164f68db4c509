import { tellable } from '../../lib/credentials/tellable.js'
import type { SendResult } from '../../lib/delivery/sender.js'
import type { HttpResult } from '../../lib/http/client.js'
import { readRetryAfterMs } from '../../lib/http/retry-after.js'
import {
  kMaxRetryDelayMs,
  readPartialSuccess,
  readPartialSuccessJson,
  readRetryDelayMs,
  readStatusMessage,
  readStatusMessageJson,
} from '../../lib/otlp/response.js'

/** Codes the OTLP specification calls retryable ("Failures", OTLP/HTTP); all others are not. */
const retryableCodes: ReadonlySet<number> = new Set([429, 502, 503, 504])

/** Codes that are about who sends, where to, or how: no other request would fare better. */
const anyRequestCodes: ReadonlySet<number> = new Set([401, 403, 404, 405, 407, 415])

const noneNames = { unavailable: 'UNAVAILABLE', timeout: 'DEADLINE_EXCEEDED', cancelled: 'CANCELLED' } as const

type Answer = Extract<HttpResult, { readonly kind: 'answer' }>

/**
 * Decides by status code. The reason is the code and what the server says in a google.rpc.Status, or as plain text, as
 * `tellable`; a page of HTML is not shown.
 *
 * @param secrets - the header values sent
 * @param nowMs - milliseconds since 1970
 */
export function sendResultOfHttp(result: HttpResult, secrets: Iterable<string>, nowMs: number): SendResult {
  if (result.kind === 'none') return { kind: 'retryable', reason: `${noneNames[result.why]}: ${result.details}` }
  const { status } = result
  if (status >= 200 && status < 300) return taken(result, secrets)
  const reason = `HTTP ${status}: ${tellable(textOf(result), secrets) || 'without a word'}`
  if (!retryableCodes.has(status)) {
    const redirect = status >= 300 && status < 400
    const anyRequest = redirect || anyRequestCodes.has(status)
    return { kind: 'permanent', reason: redirect ? redirected(result, secrets) : reason, anyRequest }
  }
  const afterMs = readRetryAfterMs(result.headers['retry-after'], nowMs) ?? retryInfoMs(result)
  return afterMs === undefined
    ? { kind: 'retryable', reason }
    : { kind: 'retryable', reason, afterMs: Math.min(afterMs, kMaxRetryDelayMs) }
}

/** A login page says 200, too, and has taken nothing. An empty body is what some servers answer, whatever its type. */
function taken({ status, headers, body, tooLong }: Answer, secrets: Iterable<string>): SendResult {
  const type = typeOf(headers)
  if (tooLong || (type === 'html' && body.length > 0)) {
    const what = tooLong ? 'an answer that is too long' : 'a page of HTML'
    return { kind: 'permanent', reason: `HTTP ${status}: ${what}; this is no OTLP server`, anyRequest: true }
  }
  const cleaned = (text: string): string => tellable(text, secrets)
  const partial =
    type === 'proto'
      ? readPartialSuccess(body, cleaned)
      : type === 'json'
        ? readPartialSuccessJson(body, cleaned)
        : undefined
  return partial === undefined ? { kind: 'delivered' } : { kind: 'delivered', ...partial }
}

/** Never followed: the credentials are for the server that was named. Where to is told without its query. */
function redirected({ status, headers }: Answer, secrets: Iterable<string>): string {
  const to = (headers.location ?? '').split(/[?#]/, 1)[0]!.replace(/\/\/[^/@]*@/, '//')
  return `HTTP ${status}: a redirect to "${tellable(to, secrets)}", which is not followed`
}

function textOf({ headers, body }: Answer): string {
  switch (typeOf(headers)) {
    case 'proto':
      return readStatusMessage(body)
    case 'json':
      return readStatusMessageJson(body)
    case 'text':
      return body.toString('utf8')
    default:
      return ''
  }
}

function retryInfoMs({ headers, body }: Answer): number | undefined {
  return typeOf(headers) === 'proto' ? readRetryDelayMs(body) : undefined
}

function typeOf(headers: Answer['headers']): 'proto' | 'json' | 'text' | 'html' | 'other' {
  const type = (headers['content-type'] ?? '').split(';', 1)[0]!.trim().toLowerCase()
  if (type === 'application/x-protobuf') return 'proto'
  if (type === 'application/json') return 'json'
  if (type === 'text/html' || type === 'application/xhtml+xml') return 'html'
  return type === 'text/plain' ? 'text' : 'other'
}
