import { createServer, type Http2Server, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2'
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net'
import { GrpcClient, type GrpcClientOptions } from '../../../../src/lib/grpc/client.js'
import { FakeClock } from '../../../../src/testkit/fake-clock.js'

const cleanUps: (() => void)[] = []

/** For `afterEach`. */
export function cleanUp(): void {
  for (const one of cleanUps.splice(0).reverse()) one()
}

export function own(end: () => void): void {
  cleanUps.push(end)
}

/** A bare HTTP/2 server that knows nothing of gRPC and does what it is told with each request, once that is here whole. */
export async function startHttp2(
  answer: (stream: ServerHttp2Stream, request: { readonly headers: object; readonly body: Buffer }) => void,
  settings: { readonly maxConcurrentStreams?: number } = {},
): Promise<{ port: number; sessions: ServerHttp2Session[] }> {
  const server = createServer({ settings })
  const sessions: ServerHttp2Session[] = []
  server.on('session', (session) => void sessions.push(session.on('error', () => {})))
  server.on('stream', (stream, headers) => {
    const chunks: Buffer[] = []
    stream.on('error', () => {}) // the client may reset it
    stream.on('data', (chunk: Buffer) => chunks.push(chunk))
    stream.on('end', () => answer(stream, { headers, body: Buffer.concat(chunks) }))
  })
  own(() => {
    for (const session of sessions) session.destroy()
    server.close()
  })
  return { port: await listening(server), sessions }
}

/** A peer that speaks raw bytes. */
export async function startTcp(greet: (socket: Socket) => void): Promise<{ port: number; sockets: Socket[] }> {
  const sockets: Socket[] = []
  const server = createTcpServer((socket) => {
    sockets.push(socket.on('error', () => {}))
    greet(socket)
  })
  own(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return { port: await listening(server), sockets }
}

async function listening(server: Http2Server | Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

export function clientOf(port: number, options: Partial<GrpcClientOptions> = {}) {
  const clock = new FakeClock()
  const client = new GrpcClient({
    address: { host: '127.0.0.1', port },
    authority: `127.0.0.1:${port}`,
    headers: () => ({}),
    userAgent: 'test/1',
    gzip: true,
    timeoutMs: 10_000,
    maxAnswerBytes: 1000,
    clock,
    ...options,
  })
  own(() => client.close())
  return { client, clock }
}

export const method = '/a.Service/Do'
export const never = new AbortController().signal
export const hello = Buffer.from('hello')

/** One message as gRPC puts it on the wire, with any flag, and a length that may be a lie. */
export function message(body: Uint8Array, flag = 0, length = body.length): Buffer {
  const head = Buffer.alloc(5)
  head[0] = flag
  head.writeUInt32BE(length, 1)
  return Buffer.concat([head, body])
}

/** Until all that a server has sent on a connection is there: who answers a ping has read what came before it. */
export function heard(session: ServerHttp2Session): Promise<void> {
  return new Promise((resolve, reject) => {
    session.ping((error) => (error === null ? resolve() : reject(error)))
  })
}

/** An answer as a server gives it: headers, bytes, trailers. */
export function reply(stream: ServerHttp2Stream, bytes: Uint8Array, trailers: object, headers: object = {}): void {
  stream.respond({ ':status': 200, 'content-type': 'application/grpc', ...headers }, { waitForTrailers: true })
  stream.on('wantTrailers', () => stream.sendTrailers({ ...trailers }))
  stream.end(bytes)
}
