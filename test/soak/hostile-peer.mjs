// The bus's end of the hostile soak, a process of its own: node hostile-peer.mjs FOLDER LANES SEED HARMLESS...
// Listens on FOLDER/0, FOLDER/1, ... (a lane has one connection at a time); the n-th connection of a lane plays its script.
// One byte on standard input is `lane` (say the script, then wait for the other end to hang up) or `kHangUp + lane`.
import { createServer } from 'node:net'
import { connectionOf, createScripts, kHangUp, loadSeeds } from './hostile-script.mjs'

const [folder, lanes, seed, ...harmless] = process.argv.slice(2)
const seeds = loadSeeds()
const script = createScripts(
  seeds,
  seeds.streams.filter(({ name }) => harmless.includes(name)),
  Number(seed),
)
const kOk = Buffer.from('OK 0123456789abcdef0123456789abcdef\r\n')
/** The answer to Hello, the first call of a connection: a method return with REPLY_SERIAL 1. */
const kHello = Buffer.from('6c0201010000000001000000080000000501750001000000', 'hex')

/** @type {{socket: import('node:net').Socket, parts: Buffer[]}[]} */
const current = []

function serve(lane, connection, socket) {
  const { answer, parts } = script(connection)
  current[lane] = { socket, parts }
  socket.on('error', () => {
    // The reader hung up in the middle of what was said: the point of it.
  })
  let read = ''
  socket.on('data', (chunk) => {
    const before = read
    read += chunk.toString('latin1')
    if (!before.includes('BEGIN\r\n') && read.includes('BEGIN\r\n')) {
      if (answer === undefined) socket.write(kOk)
      else socket.end(answer)
    }
    if (answer === undefined && !before.includes('Hello') && read.includes('Hello')) socket.write(kHello)
  })
}

let listening = 0
for (let lane = 0; lane < Number(lanes); lane++) {
  let connections = 0
  const server = createServer((socket) => serve(lane, connectionOf(lane, connections++), socket))
  server.listen(`${folder}/${lane}`, () => {
    if (++listening === Number(lanes)) process.stdout.write('listening\n')
  })
}

process.stdin.on('data', (bytes) => {
  for (const byte of bytes) {
    const { socket, parts } = current[byte % kHangUp]
    for (const part of parts) socket.write(part)
    if (byte >= kHangUp) socket.end()
  }
})
process.stdin.on('end', () => process.exit())
