import { isLoopback } from '../../util/loopback.js'

/** Where a scrape endpoint listens. */
export interface ListenAddress {
  /** Without brackets. */
  readonly host: string
  readonly port: number
  /** Only this machine can reach it. */
  readonly loopback: boolean
}

/** Reads `127.0.0.1:9464`, `[::1]:9464` or `localhost:9464`; a host is required, as "all addresses" must be said. */
export function parseListenAddress(endpoint: string): ListenAddress | { readonly reason: string } {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9.-]+)):(\d{1,5})$/.exec(endpoint)
  if (match === null) {
    const hint = /^:\d+$/.test(endpoint) ? `: for this machine only write "127.0.0.1${endpoint}"` : ''
    return { reason: `is not host:port such as 127.0.0.1:9464 or [::1]:9464${hint}` }
  }
  const port = Number(match[3])
  if (port < 1 || port > 65_535) return { reason: `port ${match[3]} is not between 1 and 65535` }
  const host = (match[1] ?? match[2]!).toLowerCase()
  return { host, port, loopback: isLoopback(host) }
}
