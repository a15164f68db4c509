import { spawn } from 'node:child_process'

/** No step takes a third of it on two fast cores; one that takes longer on slow ones hangs. */
const kStepLimitMs = 30 * 60_000
/** For output on its way when a step has ended; what still holds the pipe then is not waited for. */
const kGraceMs = 500
/** Between asking a step's processes to end and ending them by force. */
const kEndMs = 5000

/** The first processes of the steps under way: each leads a group of its own, which all it starts belong to. */
const running = new Set()

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.once(signal, () => {
    for (const { pid } of running) signalGroup(pid, signal)
    setTimeout(() => {
      for (const { pid } of running) signalGroup(pid, 'SIGKILL')
    }, kEndMs).unref()
    process.exitCode = 1
  })
}
// Whatever ends this process, an exception too.
process.once('exit', () => {
  for (const { pid } of running) signalGroup(pid, 'SIGKILL')
})

/**
 * Runs one program to its end and keeps what it prints. What it started and left behind is ended with it.
 *
 * @param {readonly string[]} argv
 * @param {string} cwd
 * @param {number} limitMs
 * @returns {Promise<{ok: boolean, output: string, seconds: number}>}
 */
export function runStep(argv, cwd, limitMs = kStepLimitMs) {
  const start = performance.now()
  return new Promise((resolve) => {
    const chunks = []
    // npm's own settings reach the programs (node-gyp reads npm_config_*), but no colour codes reach the log.
    const env = { ...process.env, NO_COLOR: '1', FORCE_COLOR: '0' }
    const child = spawn(argv[0], argv.slice(1), { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], detached: true })
    running.add(child)
    const limit = setTimeout(() => {
      chunks.push(Buffer.from(`\nno end after ${limitMs / 1000} s: ended by force\n`))
      signalGroup(child.pid, 'SIGKILL')
    }, limitMs)
    let grace
    const end = (ok, text = '') => {
      clearTimeout(limit)
      clearTimeout(grace)
      signalGroup(child.pid, 'SIGKILL')
      running.delete(child)
      for (const stream of [child.stdout, child.stderr]) stream.destroy()
      const output = Buffer.concat([...chunks, Buffer.from(text)]).toString()
      resolve({ ok, output, seconds: (performance.now() - start) / 1000 })
    }
    child.stdout.on('data', (chunk) => chunks.push(chunk))
    child.stderr.on('data', (chunk) => chunks.push(chunk))
    child.once('error', (error) => end(false, `${argv[0]}: ${error.message}\n`))
    child.once('exit', (code) => {
      grace = setTimeout(() => end(code === 0), kGraceMs)
      child.once('close', () => end(code === 0))
    })
  })
}

/** Signals a group, if any of it is left. */
function signalGroup(leader, signal) {
  try {
    if (leader !== undefined) process.kill(-leader, signal)
  } catch (error) {
    if (error.code !== 'ESRCH') throw error
  }
}
