// OTLP/HTTP by node:http(s): protobuf and JSON, gzip, answers in the encoding of the request.
import http from 'node:http'
import https from 'node:https'
import { gunzipSync } from 'node:zlib'
import { partialOf } from './grpc-front.mjs'
import { encode, itemsOfJson, itemsOfProto } from './requests.mjs'

const signals = { '/v1/logs': 'logs', '/v1/metrics': 'metrics', '/v1/traces': 'traces' }

export function httpFront({ tls, decide, onSocket, pathPrefix = '' }) {
  const serve = (request, response) => {
    const chunks = []
    request.on('error', () => {})
    request.on('data', (chunk) => chunks.push(chunk))
    request.on('end', () => void answer(request, response, Buffer.concat(chunks)))
  }
  const server =
    tls === undefined
      ? http.createServer(serve)
      : https.createServer({ ...tls, requestCert: tls.ca !== undefined, rejectUnauthorized: true }, serve)
  server.keepAliveTimeout = 60_000
  server.on('connection', (socket) => onSocket(socket.on('error', () => {})))
  return server

  async function answer(request, response, body) {
    const path = new URL(request.url, 'http://x').pathname
    const signal = path.startsWith(pathPrefix) ? signals[path.slice(pathPrefix.length)] : undefined
    if (signal === undefined || request.method !== 'POST') return reply(response, 404, 'text/plain', `no ${path} here`)
    const json = request.headers['content-type'] === 'application/json'
    if (!json && request.headers['content-type'] !== 'application/x-protobuf')
      return reply(response, 415, 'text/plain', `not ${request.headers['content-type']}`)
    const bytes = request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body
    const items = json ? itemsOfJson(signal, bytes) : itemsOfProto(signal, bytes)
    const told = await decide({ protocol: 'http', signal, bytes: bytes.length, headers: request.headers, items })
    const send = (status, name, message, headers = {}) =>
      json
        ? reply(response, status, 'application/json', JSON.stringify(message), headers)
        : reply(response, status, 'application/x-protobuf', encode(name, message), headers)
    switch (told.kind) {
      case 'ok':
        return send(200, 'response', {})
      case 'partial':
        return send(200, 'response', json ? partialJsonOf(signal, told) : partialOf(told))
      case 'status':
        return send(told.http ?? 503, 'status', { message: told.message ?? 'as told' }, retryAfter(told))
      case 'page':
        return reply(response, told.http, told.contentType ?? 'text/html', told.body ?? '', told.headers)
      case 'reset':
        return request.socket.resetAndDestroy ? request.socket.resetAndDestroy() : request.socket.destroy()
      case 'hang':
        return undefined
      default:
        throw new Error(`HTTP has no answer "${told.kind}"`)
    }
  }
}

const rejectedField = { logs: 'rejectedLogRecords', metrics: 'rejectedDataPoints', traces: 'rejectedSpans' }

/** In protobuf the three signals share field numbers; in JSON each has a name, and int64 is text. */
function partialJsonOf(signal, told) {
  const { rejected, errorMessage } = partialOf(told).partialSuccess
  return { partialSuccess: { [rejectedField[signal]]: String(rejected), errorMessage } }
}

/** Whole seconds, as RFC 9110 (10.2.3) has it; or a date, in GMT and as whole. */
function retryAfter({ retryAfterMs, asDate = false }) {
  if (retryAfterMs === undefined) return {}
  const seconds = Math.ceil(retryAfterMs / 1000)
  return { 'retry-after': asDate ? new Date(Date.now() + seconds * 1000 + 999).toUTCString() : String(seconds) }
}

function reply(response, status, contentType, body, headers = {}) {
  response.writeHead(status, { 'content-type': contentType, ...headers }).end(body)
}
