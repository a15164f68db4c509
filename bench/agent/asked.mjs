import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** A process that answers over IPC, in the order it is asked. The first thing it says is where it listens, if it does. */
export function startAsked(file, args = []) {
  const child = fork(fileURLToPath(new URL(file, import.meta.url)), args)
  const waiting = []
  child.on('message', (message) => waiting.shift()?.(message))
  child.once('exit', () => {
    for (const resolve of waiting.splice(0)) resolve('failed: it ended')
  })
  const ended = new Promise((resolve) => child.once('exit', resolve))
  const answer = () => new Promise((resolve) => waiting.push(resolve))
  return {
    pid: child.pid,
    answer,
    ask(question) {
      const reply = answer()
      child.send(question)
      return reply
    },
    async close() {
      if (child.connected) child.disconnect()
      await ended
    },
  }
}
