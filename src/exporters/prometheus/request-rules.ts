import type { IncomingMessage } from 'node:http'

export interface Refusal {
  readonly status: 400 | 404 | 405 | 421
  readonly reason: string
}

/** Whether a Host header may be answered. */
export type HostRule = (host: string) => boolean

const loopbackNames = ['localhost', '127.0.0.1', '[::1]']

/**
 * On loopback only loopback names and the listed ones: a web page whose name an attacker points at 127.0.0.1 (DNS
 * rebinding) sends its own name. On other addresses every name, unless some are listed.
 */
export function hostRule(loopback: boolean, allowedHosts: readonly string[]): HostRule {
  if (!loopback && allowedHosts.length === 0) return () => true
  const allowed = new Set([...(loopback ? loopbackNames : []), ...allowedHosts].map((name) => name.toLowerCase()))
  return (host) => allowed.has(host.replace(/:\d{1,5}$/, '').toLowerCase())
}

/** Why a request is not answered with the page; undefined when it is. The path is compared as sent, never resolved. */
export function refusalOf(request: IncomingMessage, path: string, hosts: HostRule): Refusal | undefined {
  if (!hosts(request.headers.host ?? ''))
    return { status: 421, reason: 'this host name is not served here; see allowed_hosts' }
  const url = request.url ?? ''
  const query = url.indexOf('?')
  if ((query < 0 ? url : url.slice(0, query)) !== path) return { status: 404, reason: `not found; the page is ${path}` }
  if (request.method !== 'GET' && request.method !== 'HEAD') return { status: 405, reason: 'only GET and HEAD' }
  const { 'content-length': length, 'transfer-encoding': encoding } = request.headers
  if (encoding !== undefined || (length !== undefined && length !== '0'))
    return { status: 400, reason: 'a body has no meaning here' }
  return undefined
}
