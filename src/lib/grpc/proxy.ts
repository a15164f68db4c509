import { BlockList, isIP, type Socket } from 'node:net'

/** An HTTP proxy that passes connections on (CONNECT, RFC 9110, section 9.3.6). */
export interface Proxy {
  readonly host: string
  readonly port: number
  /** `user:password`. */
  readonly credentials?: string
}

type Environment = Readonly<Record<string, string | undefined>>

/**
 * The proxy that the environment names for connections to `host`, as gRPC's libraries read it: `grpc_proxy`, `https_proxy`
 * or `http_proxy`, unless `no_grpc_proxy` or `no_proxy` lists the host, a domain above it (`*`: all), or a subnet it lies in.
 *
 * @throws Error when the variable is no http:// URL
 */
export function proxyFor(host: string, env: Environment): Proxy | undefined {
  const name = ['grpc_proxy', 'https_proxy', 'http_proxy'].find((one) => env[one])
  if (name === undefined || isExempt(host, env['no_grpc_proxy'] || env['no_proxy'] || '')) return undefined
  const url = URL.canParse(env[name]!) ? new URL(env[name]!) : undefined
  // Its value stays out of the text: there may be a password in it.
  if (url?.protocol !== 'http:') throw new Error(`the variable ${name} is not an http:// URL`)
  const credentials = [url.username, url.password].filter((part) => part !== '').map(decodeURIComponent)
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: Number(url.port || '80'),
    ...(credentials.length === 0 ? {} : { credentials: credentials.join(':') }),
  }
}

function isExempt(host: string, list: string): boolean {
  const entries = list.split(',').flatMap((entry) => entry.trim() || [])
  return entries.some((entry) => {
    const name = entry.replace(/^\*?\.?/, '')
    return name === '' || host === name || host.endsWith(`.${name}`) || isInside(host, entry)
  })
}

function isInside(host: string, subnet: string): boolean {
  const [net = '', bits = ''] = subnet.split('/')
  const family = isIP(net)
  if (family === 0 || family !== isIP(host) || !/^\d{1,3}$/.test(bits) || Number(bits) > (family === 4 ? 32 : 128))
    return false
  const type = family === 4 ? 'ipv4' : 'ipv6'
  const list = new BlockList()
  list.addSubnet(net, Number(bits), type)
  return list.check(host, type)
}

/** A connection to `target` (`host:port`) by way of a proxy. Rejects with the reason when it does not let it through. */
export async function tunnel(proxy: Proxy, target: string, signal: AbortSignal): Promise<Socket> {
  const { request } = await import('node:http')
  const { host, port, credentials } = proxy
  const authorization =
    credentials === undefined ? {} : { 'proxy-authorization': `Basic ${Buffer.from(credentials).toString('base64')}` }
  return new Promise((resolve, reject) => {
    const fail = (why: string): void => reject(new Error(`the proxy ${host}:${port} ${why}`))
    request({ host, port, method: 'CONNECT', path: target, headers: { host: target, ...authorization }, signal })
      .once('connect', ({ statusCode }, socket: Socket, head) => {
        if (statusCode !== 200) {
          socket.destroy()
          return fail(`answers ${statusCode} to CONNECT ${target}`)
        }
        if (head.length > 0) socket.unshift(head)
        resolve(socket)
      })
      .once('response', (response) => {
        response.destroy()
        fail(`answers ${response.statusCode} to CONNECT ${target}`)
      })
      .once('error', (error) => fail(`fails: ${error.message}`))
      .end()
  })
}
