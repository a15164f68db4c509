import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { reply } from './messages.js'

/** A unix server that plays a bus, or whatever the test wants of it. */
export interface Peer {
  readonly address: string
  close(): void
}

export async function startPeer(serve: (socket: Socket) => void): Promise<Peer> {
  const folder = mkdtempSync(join(tmpdir(), 'peer-'))
  const sockets = new Set<Socket>()
  const server: Server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {
      // The reader went away in the middle of what the test sends: that is what some tests are about.
    })
    serve(socket)
  })
  server.listen(join(folder, 'bus'))
  await once(server, 'listening')
  return {
    address: `unix:path=${join(folder, 'bus')}`,
    close() {
      for (const socket of sockets) socket.destroy()
      server.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

export const kOk = 'OK 0123456789abcdef0123456789abcdef\r\n'

/** The bus's part until the client is connected: the handshake, and an answer to Hello and each of `rules` rules. */
export function welcome(socket: Socket, rules: number, then: () => void = () => {}): void {
  let read = ''
  const answers = Buffer.concat(Array.from({ length: rules + 1 }, (_, i) => reply(i + 1)))
  const look = (chunk: Buffer): void => {
    const before = read
    read += chunk.toString('latin1')
    if (!before.includes('BEGIN\r\n') && read.includes('BEGIN\r\n')) socket.write(kOk)
    if (read.split('AddMatch').length - 1 < rules || !read.includes('Hello')) return
    socket.off('data', look)
    socket.write(answers, then)
  }
  socket.on('data', look)
}
