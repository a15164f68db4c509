import type { Socket } from 'node:net'

/** An HTTP proxy that passes connections on (CONNECT, RFC 9110, section 9.3.6). */
export interface HttpProxy {
  readonly host: string
  readonly port: number
  /** `user:password`. */
  readonly credentials?: string
}

/** Reads `http://[user:password@]host[:port]`. The reason never quotes it: there may be a password in it. */
export function parseProxy(text: string): HttpProxy | { readonly reason: string } {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url?.protocol !== 'http:' || url.hostname === '') return { reason: 'is not an http:// URL' }
  if ((url.pathname !== '/' && url.pathname !== '') || url.search !== '' || url.hash !== '')
    return { reason: 'has a path: write http://host:port' }
  let credentials: readonly string[]
  try {
    credentials = [url.username, url.password].filter((part) => part !== '').map(decodeURIComponent)
  } catch {
    return { reason: 'has a user name or a password with a "%" that is not followed by two hex digits' }
  }
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: Number(url.port || '80'),
    ...(credentials.length === 0 ? {} : { credentials: credentials.join(':') }),
  }
}

/** A connection to `target` (`host:port`) by way of a proxy. Rejects with the reason when it does not let it through. */
export async function tunnel(proxy: HttpProxy, target: string, signal: AbortSignal): Promise<Socket> {
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
