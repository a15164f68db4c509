import { readFile } from 'node:fs/promises'
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { agentScope } from '../../lib/otlp/scope.js'
import type { Clock } from '../../util/clock.js'
import type { Config } from './config.js'
import { type HttpAnswer, resultOf } from './http-result.js'
import type { WriteResult } from './write-in-order.js'

/** Error texts are a line; the rest of a page of HTML is not read. */
const kMaxAnswerBytes = 4096

/** A connection to a server of remote write, kept open between requests. */
export interface WriteChannel {
  /** One request; settles soon after `signal` aborts, and does not reject. */
  write(body: Buffer, signal: AbortSignal): Promise<WriteResult>
  close(): void
}

/**
 * Reads the TLS files; connecting is left to the first request.
 *
 * @throws Error when a TLS file cannot be read or is not PEM: it never could work
 */
export async function openWriteChannel(config: Config, clock: Clock): Promise<WriteChannel> {
  const { endpoint, headers, tls, timeout } = config
  const url = new URL(endpoint)
  const [ca, cert, key] = await Promise.all([
    readPem('ca_file', tls.ca_file),
    readPem('cert_file', tls.cert_file),
    readPem('key_file', tls.key_file),
  ])
  const servername = tls.server_name === undefined ? {} : { servername: tls.server_name }
  const agent =
    url.protocol === 'https:'
      ? new HttpsAgent({
          keepAlive: true,
          maxSockets: 1,
          minVersion: 'TLSv1.2',
          ...(ca && { ca }),
          ...(cert && { cert }),
          ...(key && { key }),
          ...servername,
        })
      : new HttpAgent({ keepAlive: true, maxSockets: 1 })
  const request = url.protocol === 'https:' ? httpsRequest : httpRequest
  const { name, version } = agentScope()
  const secrets = Object.values(headers)

  return {
    write(body, signal) {
      return new Promise((resolve) => {
        const own = {
          'content-type': 'application/x-protobuf',
          'content-encoding': 'snappy',
          'content-length': body.length,
          'x-prometheus-remote-write-version': '0.1.0',
          'user-agent': `${name}/${version}`,
        }
        const call = request(url, { method: 'POST', agent, headers: { ...headers, ...own } })
        let isSent = false
        const end = (result: WriteResult): void => {
          timer.cancel()
          signal.removeEventListener('abort', onAbort)
          resolve(result)
        }
        const fail = (reason: string): void => {
          end({ kind: 'retryable', reason, maybeTaken: isSent })
          call.destroy()
        }
        const timer = clock.after(timeout, () => fail(`timeout: no answer in ${timeout} ms`))
        const onAbort = (): void => fail('given up')
        signal.addEventListener('abort', onAbort)
        // Bytes of it may be at the server as soon as there is a connection.
        call.on('socket', (socket) => {
          if (socket.connecting)
            socket.once('connect', () => {
              isSent = true
            })
          else isSent = true
        })
        call.on('response', (response) => {
          readAnswer(response).then((answer) => end(resultOf(answer, Number(clock.unixNano()) / 1e6, secrets)))
        })
        call.on('error', (error: NodeJS.ErrnoException) => fail(`${error.code ?? 'connection'}: ${error.message}`))
        if (signal.aborted) return fail('given up')
        call.end(body)
      })
    },
    close: () => agent.destroy(),
  }
}

/** Its status, and the beginning of its text as far as it comes. */
async function readAnswer(response: IncomingMessage): Promise<HttpAnswer> {
  const chunks: Buffer[] = []
  let bytes = 0
  try {
    for await (const chunk of response) {
      chunks.push(chunk as Buffer)
      bytes += (chunk as Buffer).length
      if (bytes > kMaxAnswerBytes) break
    }
  } catch {
    // The status has been said; of the text there is no more.
  }
  return {
    status: response.statusCode ?? 0,
    retryAfter: response.headers['retry-after'],
    text: Buffer.concat(chunks).subarray(0, kMaxAnswerBytes).toString('utf8'),
  }
}

async function readPem(key: string, path: string | undefined): Promise<Buffer | undefined> {
  if (path === undefined) return undefined
  const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    throw new Error(`tls.${key} ${path} cannot be read: ${error.code ?? error.message}`)
  })
  if (!bytes.includes('-----BEGIN ')) throw new Error(`tls.${key} ${path} is not a PEM file`)
  return bytes
}
