import { chmodSync, existsSync, lstatSync, unlinkSync } from 'node:fs'
import { createConnection, createServer, type Server, type Socket } from 'node:net'
import { dirname } from 'node:path'

/** sun_path of unix(7) has 108 bytes, the last of which is 0: a longer one would be cut off in silence. */
export const kMaxPathBytes = 107
/** The one thing that can be asked, and its length bounds what is read. */
export const kRequest = 'status\n'
/** A person and a health check at the same time, some times over. */
const kMaxConnections = 16
/** Who has connected asks, and takes the answer, within this time. */
const kIdleMs = 2000
/** Read and written by the agent's user and group: an operator's group can be let in by the folder (RuntimeDirectoryMode=0750). */
const kMode = 0o660
/** Of all threads while the socket is bound: a folder or file that is made meanwhile stays its owner's to use, and nobody else's. */
const kUmask = 0o077

export interface StatusSocket {
  close(): Promise<void>
}

/**
 * Answers `status` with one JSON document to whoever may open the socket, and closes. Nothing can be changed through it.
 *
 * A socket that an agent of this user has left behind is replaced; one on which somebody answers, or anything else of that name, is not.
 *
 * @param answer - made anew for each request
 * @param idleMs - how long who has connected may say nothing
 * @throws Error that says what is in the way, and what to do
 */
export async function openStatusSocket(
  path: string,
  answer: () => unknown,
  idleMs: number = kIdleMs,
): Promise<StatusSocket> {
  if (Buffer.byteLength(path) > kMaxPathBytes)
    throw new Error(`the path is longer than ${kMaxPathBytes} bytes: choose a shorter one for service.status_socket`)
  // bind(2) says ENOENT, and libuv makes EACCES of it.
  if (!existsSync(dirname(path))) throw new Error('there is no such folder: make it, or set service.status_socket')
  await removeStale(path)
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    serve(socket, answer, idleMs)
  })
  server.maxConnections = kMaxConnections
  await listen(server, path)
  // Nobody waits for an agent to end because its status is being read.
  server.unref()
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve()) // removes the file, too
        for (const socket of sockets) socket.destroy()
      }),
  }
}

function serve(socket: Socket, answer: () => unknown, idleMs: number): void {
  let asked = ''
  socket.unref()
  socket.setTimeout(idleMs, () => {
    // A process that stood still has not looked yet at what was asked meanwhile.
    const { bytesRead } = socket
    setImmediate(() => void (socket.bytesRead === bytesRead && socket.destroy()))
  })
  // Gone in the middle of it: nobody misses the answer.
  socket.on('error', () => {})
  socket.setEncoding('latin1').on('data', (text: string) => {
    asked += text
    if (asked.length < kRequest.length && kRequest.startsWith(asked)) return
    socket.removeAllListeners('data').pause()
    socket.end(`${JSON.stringify(asked === kRequest ? answer() : { error: 'ask for "status"' })}\n`)
  })
}

async function removeStale(path: string): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false })
  if (found === undefined) return
  if (!found.isSocket() || found.uid !== process.getuid?.())
    throw new Error('something that is no socket of this user has that name: remove it, or set service.status_socket')
  if (await isAnswered(path)) throw new Error('another agent answers there: give each its own service.status_socket')
  unlinkSync(path)
}

function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createConnection(path)
    const end = (answered: boolean) => () => {
      probe.destroy()
      resolve(answered)
    }
    probe.once('connect', end(true)).once('error', end(false)).setTimeout(kIdleMs, end(true))
  })
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(new Error(trouble(error))))
    // Bound before this returns, and for nobody else until it is opened to the group: never open to all, not even meanwhile.
    const before = process.umask(kUmask)
    server.listen({ path }, () => {
      try {
        chmodSync(path, kMode)
      } catch (error) {
        server.close()
        reject(new Error(trouble(error as NodeJS.ErrnoException)))
        return
      }
      server.removeAllListeners('error').on('error', () => {}) // single accepts (EMFILE): it goes on
      resolve()
    })
    process.umask(before)
  })
}

function trouble({ code, message }: NodeJS.ErrnoException): string {
  if (code === 'EACCES' || code === 'EROFS')
    return 'this user may not write there: set RuntimeDirectory=unitscope in the unit, or service.status_socket'
  return message
}
