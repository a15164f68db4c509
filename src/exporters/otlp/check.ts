import type { ConfigComplaint } from '../../component/component.js'
import { headerComplaints } from '../../lib/credentials/request-headers.js'
import { checkSendingQueue } from '../../lib/delivery/config.js'
import { parseTarget } from '../../lib/otlp/target.js'
import { parseProxy } from '../../lib/sockets/proxy.js'
import type { Config } from './config.js'
import { headerNameComplaint } from './headers.js'

/** What the schema cannot say. */
export function check(config: Config): readonly ConfigComplaint[] {
  const complaints = [
    ...checkEndpoints(config),
    ...checkTls(config),
    ...headerComplaints(config, headerNameComplaint),
    ...checkProxy(config),
  ]
  for (const { path, reason } of checkSendingQueue(config.sending_queue))
    complaints.push({ path: ['sending_queue', ...path], reason })
  if (config.timeout < 1) complaints.push({ path: ['timeout'], reason: 'must be at least 1ms' })
  if (config.encoding === 'json' && config.protocol === 'grpc')
    complaints.push({ path: ['encoding'], reason: 'json is of HTTP only: add protocol: http' })
  return complaints
}

function checkEndpoints(config: Config): ConfigComplaint[] {
  const { endpoint, endpoints } = config
  if (endpoint !== undefined && endpoints !== undefined)
    return [{ path: ['endpoints'], reason: 'stands beside endpoint: write all servers into endpoints' }]
  if (endpoint === undefined && endpoints === undefined)
    return [{ path: ['endpoint'], reason: 'is missing: name a server, or several in endpoints' }]
  const all = endpoints ?? [endpoint!]
  const complaints: ConfigComplaint[] = []
  const seen = new Set<string>()
  for (const [index, text] of all.entries()) {
    const path = endpoints === undefined ? ['endpoint'] : ['endpoints', index]
    const target = parseTarget(text, config.protocol)
    if ('reason' in target) {
      complaints.push({ path, reason: target.reason })
      continue
    }
    const server = 'path' in target.address ? target.address.path : target.authority + target.path
    if (seen.has(server)) complaints.push({ path, reason: 'is in the list twice' })
    seen.add(server)
    if (target.tls === 'required' && config.tls.insecure === true)
      complaints.push({ path: ['tls', 'insecure'], reason: `contradicts https:// in ${path[0]}` })
    if (/^http:/i.test(text) && config.tls.insecure === false)
      complaints.push({ path: ['tls', 'insecure'], reason: `contradicts http:// in ${path[0]}` })
  }
  return complaints
}

function checkTls({ tls }: Config): ConfigComplaint[] {
  const alone = (tls.cert_file === undefined) !== (tls.key_file === undefined)
  return alone ? [{ path: ['tls'], reason: 'cert_file and key_file go together' }] : []
}

function checkProxy({ proxy_url }: Config): ConfigComplaint[] {
  const proxy = proxy_url === undefined ? undefined : parseProxy(proxy_url)
  return proxy !== undefined && 'reason' in proxy ? [{ path: ['proxy_url'], reason: proxy.reason }] : []
}
