#!/usr/bin/env node
// What Node's and the allocator's settings cost in memory: the demo on its own systemd (root), 30 s each way, one
// after the other on the same build. `--save` appends a line to history/.
//
//   npm run build && sudo node bench/agent-memory.mjs [--save]
import { execFileSync, spawn } from 'node:child_process'
import { appendFileSync, readFileSync } from 'node:fs'
import { cpus, release } from 'node:os'
import { fileURLToPath } from 'node:url'
import { startCommand } from '../test/support/start-command.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const kSeconds = 30

/** Peak and last resident size, and how much of that is private, MiB, as /proc/PID/status has them (proc_pid_status(5)). */
async function measure({ flags, env }) {
  const demo = spawn(process.execPath, [...flags, 'dist/main.js', 'demo', '--lab', '--for', `${kSeconds}s`], {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: 'ignore',
  })
  const ended = new Promise((resolve) => demo.once('close', resolve))
  let seen = { peak: 0, last: 0, private: 0 }
  const timer = setInterval(() => {
    const status = readFileSync(`/proc/${demo.pid}/status`, 'utf8')
    const mebibytes = (key) =>
      Math.round(Number(new RegExp(`^${key}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) / 102.4) / 10
    // A process that ends has no memory any more, and no such lines.
    if (status.includes('VmHWM:'))
      seen = { peak: mebibytes('VmHWM'), last: mebibytes('VmRSS'), private: mebibytes('RssAnon') }
  }, 500)
  const code = await ended
  clearInterval(timer)
  if (code !== 0) throw new Error(`the demo ended with ${code}: root is needed, and npm run build`)
  return seen
}

const rows = []
for (const way of [{ flags: [], env: {} }, { ...startCommand, env: {} }, startCommand]) {
  const variables = Object.entries(way.env).map(([name, value]) => `${name}=${value}`)
  rows.push({ flags: [...variables, ...way.flags].join(' '), ...(await measure(way)) })
}
console.table(rows)
if (process.argv.includes('--save')) {
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: root, encoding: 'utf8' }).trim()
  const cpu = `${cpus().length} x ${cpus()[0].model.trim()}`
  const line = { date: new Date().toISOString(), commit, cpu, kernel: release(), node: process.version, rows }
  appendFileSync(new URL('history/agent-memory.jsonl', import.meta.url), `${JSON.stringify(line)}\n`)
}
