import type { Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** Prometheus and a few people with curl; more open connections are a mistake or an attack. */
const kMaxConnections = 256
/** Beyond it a connection is not even told why: each answer costs a socket, too. */
const kMaxConnectionsHard = 512

/** Which connections hold one of the 256 places. */
export interface Places {
  /** Whether this connection has one; if not it was told so, and nothing else it sends is answered. */
  has(socket: Socket): boolean
  /** It sent a whole header: until its answer is out nobody takes its place. */
  asked(socket: Socket, response: ServerResponse): void
}

/**
 * Gives each new connection a place. When all are taken, who has waited longest without sending a header makes room: it
 * is the slow one, as a scraper sends its header at once. So 256 connections that send nothing keep nobody out. While
 * all 256 are being answered, the new one is told 503.
 */
export function keepPlaces(server: Server, onRefusal: (add: number) => void): Places {
  server.maxConnections = kMaxConnectionsHard
  const placed = new Set<Socket>()
  // In the order in which their wait began.
  const waiting = new Set<Socket>()

  const leave = (socket: Socket): void => {
    placed.delete(socket)
    waiting.delete(socket)
  }
  server.on('connection', (socket) => {
    if (placed.size >= kMaxConnections) {
      onRefusal(1)
      const [slowest] = waiting
      // The parser's own listener came first: it goes on reading, and what it reads must be ignored.
      if (slowest === undefined) return refuseRaw(socket, '503 Service Unavailable')
      leave(slowest)
      refuseRaw(slowest, '408 Request Timeout')
      slowest.destroySoon()
    }
    placed.add(socket)
    waiting.add(socket)
    socket.once('close', () => leave(socket))
  })
  return {
    has: (socket) => placed.has(socket),
    asked(socket, response) {
      waiting.delete(socket)
      response.once('close', () => {
        if (placed.has(socket)) waiting.add(socket)
      })
    },
  }
}

/** Answers without a request, and ends the connection. */
export function refuseRaw(socket: Socket, status: string): void {
  if (!socket.writable) return void socket.destroy()
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
}
