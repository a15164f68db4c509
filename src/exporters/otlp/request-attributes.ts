import type { Attributes } from '../../data/attributes.js'
import type { Signal } from '../../data/batch.js'
import { methods } from '../../lib/otlp/methods.js'
import { parseTarget } from '../../lib/otlp/target.js'
import { type Config, endpointsOf } from './config.js'

/**
 * What spans of requests say of protocol and server, by the conventions for RPC and HTTP clients. Of several endpoints each try
 * may go to another: then which one failed stands in the events.
 */
export function requestAttributesOf(config: Config): (signal: Signal) => Attributes {
  const [only, ...others] = endpointsOf(config)
  const server = only === undefined || others.length > 0 ? {} : serverOf(only, config)
  return (signal) => ({
    ...server,
    ...(config.protocol === 'grpc'
      ? { 'rpc.system.name': 'grpc', 'rpc.method': methods[signal].slice(1) }
      : { 'http.request.method': 'POST' }),
  })
}

function serverOf(endpoint: string, { protocol }: Config): Attributes {
  const target = parseTarget(endpoint, protocol)
  if ('reason' in target) return {}
  const { address } = target
  return 'path' in address
    ? { 'server.address': address.path, 'network.transport': 'unix' }
    : { 'server.address': address.host, 'server.port': address.port }
}
