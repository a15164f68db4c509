// The other end of the agent's OTLP exporter, in a process of its own, so that its work is nobody else's. It keeps what
// came with the time of arrival, and answers questions over its IPC channel.
//
// Time is CLOCK_REALTIME of the one machine that all of this runs on.
import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** Starts one. `close()` ends it. */
export async function startSink() {
  const child = fork(fileURLToPath(new URL('sink-process.mjs', import.meta.url)), { serialization: 'advanced' })
  const waiting = []
  const answer = () => new Promise((resolve) => waiting.push(resolve))
  child.on('message', (message) => waiting.shift()?.(message))
  const ended = new Promise((resolve) => child.once('exit', resolve))
  void ended.then(() => {
    for (const resolve of waiting.splice(0)) resolve(undefined)
  })
  const address = await answer()
  if (address === undefined) throw new Error('the OTLP sink did not start')
  const ask = async (question) => {
    child.send(question)
    const reply = await answer()
    if (reply === undefined) throw new Error('the OTLP sink ended')
    return reply
  }
  return {
    address,
    pid: child.pid,
    /** Forgets what came until now. */
    clear: () => ask('clear'),
    /** `{requests, bytesOf, bytes, firstEventAtMs, events: [[name, msSinceItHappened, msSinceItWasRead]], points, spans}` since `clear`. */
    take: () => ask('take'),
    async close() {
      child.disconnect()
      await ended
    },
  }
}
