import { spawn } from 'node:child_process'

/** No step takes longer on 2 cores; one that does hangs. */
const kStepLimitMs = 8 * 60_000
const running = new Set()

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.once(signal, () => {
    for (const child of running) child.kill(signal)
    process.exitCode = 1
  })
}

/**
 * Runs one program to its end and keeps what it prints.
 *
 * @param {readonly string[]} argv
 * @param {string} cwd
 * @returns {Promise<{ok: boolean, output: string, seconds: number}>}
 */
export function runStep(argv, cwd) {
  const start = performance.now()
  return new Promise((resolve) => {
    const chunks = []
    // npm's own settings reach the programs (node-gyp reads npm_config_*), but no colour codes reach the log.
    const env = { ...process.env, NO_COLOR: '1', FORCE_COLOR: '0' }
    const child = spawn(argv[0], argv.slice(1), { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] })
    running.add(child)
    const limit = setTimeout(() => {
      chunks.push(Buffer.from(`\nno end after ${kStepLimitMs / 1000} s: ended by force\n`))
      child.kill('SIGKILL')
    }, kStepLimitMs)
    const end = (ok, text = '') => {
      clearTimeout(limit)
      running.delete(child)
      const output = Buffer.concat([...chunks, Buffer.from(text)]).toString()
      resolve({ ok, output, seconds: (performance.now() - start) / 1000 })
    }
    child.stdout.on('data', (chunk) => chunks.push(chunk))
    child.stderr.on('data', (chunk) => chunks.push(chunk))
    child.once('error', (error) => end(false, `${argv[0]}: ${error.message}\n`))
    child.once('close', (code) => end(code === 0))
  })
}
