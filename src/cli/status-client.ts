import { lstatSync } from 'node:fs'
import { createConnection } from 'node:net'
import type { StatusReport } from '../service/status-report.js'
import { kMaxPathBytes, kRequest } from '../service/status-socket.js'
import { patience } from '../util/patience.js'

/** An agent answers within a turn of its event loop; one that does not is stuck, and that is an answer, too. */
const kDeadlineMs = 5000
/** A thousand components say less. */
const kMaxAnswerBytes = 16 * 2 ** 20

export type Reply = { readonly report: StatusReport } | { readonly unanswered: string }

/** Asks the agent behind a socket. Never rejects: who does not answer is told of in words. */
export function askStatus(path: string, deadlineMs = kDeadlineMs): Promise<Reply> {
  if (Buffer.byteLength(path) > kMaxPathBytes)
    return Promise.resolve({ unanswered: `no socket has a path of more than ${kMaxPathBytes} bytes` })
  return new Promise((resolve) => {
    const chunks: Buffer[] = []
    let bytes = 0
    const socket = createConnection(path, () => socket.write(kRequest))
    const end = (reply: Reply): void => {
      late.cancel()
      socket.destroy()
      resolve(reply)
    }
    const late = patience(deadlineMs, () => end({ unanswered: stuck(path) }))
    socket.on('error', (error: NodeJS.ErrnoException) => end({ unanswered: reasonOf(error, path) }))
    socket.on('data', (chunk) => {
      chunks.push(chunk)
      bytes += chunk.length
      if (bytes > kMaxAnswerBytes) end({ unanswered: `what answers on ${path} is no agent: it does not stop` })
    })
    socket.on('end', () => end(parse(Buffer.concat(chunks).toString(), path)))
  })
}

function parse(text: string, path: string): Reply {
  try {
    const report = JSON.parse(text) as StatusReport
    if (Array.isArray(report?.components) && Array.isArray(report?.ledger?.rows)) return { report }
  } catch {
    // told below
  }
  return { unanswered: `what answers on ${path} is no agent of this kind` }
}

const stuck = (path: string): string =>
  `the agent on ${path} took the question and does not answer within ${kDeadlineMs / 1000} s: its event loop is stuck, see its log`

function reasonOf({ code, message }: NodeJS.ErrnoException, path: string): string {
  switch (code) {
    case 'ENOENT':
      return `no agent runs here that has the socket ${path}. See: systemctl status unitscope. One that was started by hand has the socket that service.status_socket names: --socket PATH`
    case 'ECONNREFUSED':
      if (lstatSync(path, { throwIfNoEntry: false })?.isSocket() === false)
        return `${path} is no socket: name the agent's, often status.sock in a folder of /run`
      return `the agent that had the socket ${path} is gone, and did not end in order. See: systemctl status unitscope`
    case 'EACCES':
    case 'EPERM':
      return `this user may not ask the agent on ${path}: try sudo, or join the group that the socket belongs to`
    default:
      return `cannot ask the agent on ${path}: ${message}`
  }
}
