// The process of an OTLP backend that answers as told; otlp-backend.ts starts it and talks to it over its IPC channel.
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { grpcFront } from './grpc-front.mjs'
import { httpFront } from './http-front.mjs'
import { Ledger } from './ledger.mjs'
import { Script } from './script.mjs'

/** The newest are told; all are counted. */
const kMaxTries = 20_000

const options = JSON.parse(process.argv[2])
const host = options.host ?? '127.0.0.1'
const ledger = new Ledger()
const sockets = new Set()
const counts = { tries: 0, accepted: 0 }
let script = new Script()
let tries = []
let headers = {}

async function decide(request) {
  const answer = script.answerTo(request)
  const { protocol, signal, bytes, items } = request
  const atMs = Date.now()
  const taken = takenOf(answer, items)
  counts.tries++
  headers = request.headers
  tries.push({ atMs, protocol, signal, bytes, items: items.length, taken: taken.length, answer: answer.kind })
  if (tries.length > 2 * kMaxTries) tries = tries.slice(-kMaxTries)
  ledger.take(taken)
  if (answer.delayMs !== undefined) await sleep(answer.delayMs)
  return answer.kind === 'partial' ? { ...answer, rejected: items.length - taken.length } : answer
}

function takenOf(answer, items) {
  switch (answer.kind) {
    case 'ok':
      return items
    case 'partial':
      return answer.rejecting === undefined
        ? items.slice(answer.rejected)
        : items.filter(({ payload }) => !payload.includes(answer.rejecting))
    case 'hang':
    case 'reset':
      return answer.taken === true ? items : []
    default:
      return []
  }
}

function onSocket(socket) {
  counts.accepted++
  sockets.add(socket)
  socket.once('close', () => sockets.delete(socket))
}

function tlsOf({ keyFile, certFile, caFile }) {
  const read = (file) => readFileSync(file)
  return { key: read(keyFile), cert: read(certFile), ...(caFile === undefined ? {} : { ca: read(caFile) }) }
}

/** Of each protocol the newest front: a new one has the certificates of now. */
const fronts = { grpc: undefined, http: undefined }
const ports = { grpc: options.grpcPort ?? 0, http: options.httpPort ?? 0 }

async function listen() {
  const shared = { decide, onSocket, ...(options.tls && { tls: tlsOf(options.tls) }) }
  fronts.grpc = grpcFront(shared)
  fronts.http = httpFront({ ...shared, pathPrefix: options.pathPrefix })
  for (const name of ['grpc', 'http']) {
    const front = fronts[name]
    await new Promise((resolve, reject) => front.once('error', reject).listen(ports[name], host, resolve))
    ports[name] = front.address().port
  }
}

async function hangUp() {
  const closed = Object.values(fronts).map((front) => new Promise((resolve) => front.close(resolve)))
  for (const socket of sockets) socket.destroy()
  await Promise.all(closed)
}

const commands = {
  script: (told) => {
    script = new Script(told)
  },
  report: () => ({ ...ledger.report(), ...counts, open: sockets.size, lastTries: tries.slice(-kMaxTries), headers }),
  down: hangUp,
  up: listen,
}

process.on('message', async ({ id, command, argument }) => {
  process.send({ id, result: await commands[command](argument) })
})
process.on('disconnect', () => process.exit())
await listen()
process.send({ id: 0, result: ports })
