import type { Settings } from '../../component/component.js'
import type { SendResult } from '../../lib/delivery/sender.js'
import { GrpcClient } from '../../lib/grpc/client.js'
import type { EncodedRequest } from '../../lib/otlp/encode.js'
import { methods } from '../../lib/otlp/methods.js'
import { readPartialSuccess } from '../../lib/otlp/response.js'
import { agentScope } from '../../lib/otlp/scope.js'
import { parseTarget, type Target } from '../../lib/otlp/target.js'
import { TlsFiles } from '../../lib/tls/tls-files.js'
import type { Config } from './config.js'
import { sendResultOf, tellable } from './grpc-status.js'

/** Export answers are a few bytes; a server that sends more is not one. */
const kMaxAnswerBytes = 64 * 1024

/** A connection to an OTLP server; connects by itself and again. */
export interface GrpcChannel {
  /** @param onSent - called once the server has taken it, when nothing here reads its bytes any more; not called else */
  export(request: EncodedRequest, signal: AbortSignal, onSent: () => void): Promise<SendResult>
  close(): Promise<void>
}

/**
 * Reads the TLS files; connecting is left to the first request.
 *
 * @throws Error when a TLS file cannot be read or is not PEM: it never could work
 */
export async function openGrpcChannel(config: Config, settings: Settings): Promise<GrpcChannel> {
  const target = parseTarget(config.endpoint)
  if ('reason' in target) throw new Error(`endpoint ${target.reason}`)
  const tls = wantsTls(config, target) ? await openTls(config, settings) : undefined
  const client = new GrpcClient({
    address: target.address,
    authority: target.authority,
    tls: tls && {
      get context() {
        return tls.context
      },
      serverName: config.tls.server_name,
      onServerCertificate: (validTo) => tls.expiry.server(target.authority, validTo),
    },
    headers: () => config.headers,
    userAgent: `${agentScope().name}/${agentScope().version}`,
    gzip: config.compression === undefined ? leavesMachine(target) : config.compression === 'gzip',
    timeoutMs: config.timeout,
    maxAnswerBytes: kMaxAnswerBytes,
    clock: settings.clock,
  })
  const secrets = Object.values(config.headers)
  return {
    async export({ signal: kind, chunks }, signal, onSent) {
      const { status, message, sent } = await client.unary(methods[kind], chunks, signal)
      if (sent === true) onSent()
      return status.name === 'OK' ? delivered(message, secrets) : sendResultOf(status, secrets)
    },
    async close() {
      client.close()
      await tls?.close()
    },
  }
}

function leavesMachine({ address }: Target): boolean {
  return 'host' in address && !address.local
}

function delivered(answer: Uint8Array | undefined, secrets: readonly string[]): SendResult {
  const partial = answer && readPartialSuccess(answer, (text) => tellable(text, secrets))
  return partial === undefined ? { kind: 'delivered' } : { kind: 'delivered', ...partial }
}

function wantsTls({ tls }: Config, target: Target): boolean {
  return target.tls === 'required' || (tls.insecure === undefined ? target.tls === 'default' : !tls.insecure)
}

function openTls({ tls }: Config, settings: Settings): Promise<TlsFiles> {
  return TlsFiles.open({ caFile: tls.ca_file, certFile: tls.cert_file, keyFile: tls.key_file }, settings)
}
