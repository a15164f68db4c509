import type { Settings } from '../../component/component.js'
import { openRequestHeaders, type RequestHeaders } from '../../lib/credentials/request-headers.js'
import { HttpClient, type HttpResult } from '../../lib/http/client.js'
import { agentScope } from '../../lib/otlp/scope.js'
import type { TlsFiles } from '../../lib/tls/tls-files.js'
import type { Config } from './config.js'
import { resultOf } from './http-result.js'
import type { WriteResult } from './write-in-order.js'

/** Error texts are a line; the rest of a page of HTML is not read. */
const kMaxAnswerBytes = 4096

/** What this protocol says of its requests (remote write 1.0, "Protocol"). */
const ownHeaders = { 'content-encoding': 'snappy', 'x-prometheus-remote-write-version': '0.1.0' }

/** Failures before there was a connection: nothing of the request has left. */
const neverSent = /ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|certificate|altnames/i

/** A connection to a server of remote write, kept open between requests. */
export interface WriteChannel {
  /** One request; settles soon after `signal` aborts, and does not reject. */
  write(body: Buffer, signal: AbortSignal): Promise<WriteResult>
  close(): Promise<void>
}

/**
 * Reads the files of certificates and secrets; connecting is left to the first request. Rejects when one cannot be used: it
 * never could work.
 */
export async function openWriteChannel(config: Config, settings: Settings): Promise<WriteChannel> {
  const url = new URL(config.endpoint)
  const files = url.protocol === 'https:' ? await openTls(config, settings) : undefined
  try {
    return channelOf(config, settings, url, await openRequestHeaders(config, settings), files)
  } catch (error) {
    await files?.close()
    throw error
  }
}

function channelOf(
  config: Config,
  { clock }: Settings,
  url: URL,
  headers: RequestHeaders,
  files: TlsFiles | undefined,
): WriteChannel {
  const { name, version } = agentScope()
  const client = new HttpClient({
    address: { host: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port) || (files === undefined ? 80 : 443) },
    authority: url.host,
    tls: files && {
      get context() {
        return files.context
      },
      serverName: config.tls.server_name,
      onServerCertificate: (validTo) => files.expiry.server(url.host, validTo),
    },
    headers: headers.headers,
    userAgent: `${name}/${version}`,
    // Snappy is what this protocol has.
    gzip: false,
    timeoutMs: config.timeout,
    maxAnswerBytes: kMaxAnswerBytes,
    maxSockets: 1,
    clock,
  })
  const path = `${url.pathname}${url.search}`
  return {
    async write(body, signal) {
      const result = await client.post(path, [body], 'application/x-protobuf', signal, ownHeaders)
      if (result.kind === 'none') return failed(result)
      const retryAfter = result.headers['retry-after']
      const answer = { status: result.status, retryAfter, text: result.body.toString('utf8') }
      return resultOf(answer, Number(clock.unixNano() / 1_000_000n), headers.secrets())
    },
    async close() {
      client.close()
      await headers.close()
      await files?.close()
    },
  }
}

function failed({ why, details }: Extract<HttpResult, { kind: 'none' }>): WriteResult {
  return { kind: 'retryable', reason: `${why}: ${details}`, maybeTaken: !neverSent.test(details) }
}

async function openTls({ tls }: Config, settings: Settings): Promise<TlsFiles> {
  const { TlsFiles } = await import('../../lib/tls/tls-files.js')
  return TlsFiles.open({ caFile: tls.ca_file, certFile: tls.cert_file, keyFile: tls.key_file }, settings)
}
