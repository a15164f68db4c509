// The whole agent as an operator runs it: `node FLAGS dist/main.js run --config FILE`, with the flags of its own first line.
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { startCommand } from '../../test/support/start-command.mjs'

const packageRoot = fileURLToPath(new URL('../..', import.meta.url))
const main = join(packageRoot, 'dist/main.js')
const kReadyLimitMs = 120_000

/**
 * For about so long after its start V8 goes on compiling what an agent does: a fifth to a quarter of all that it takes then, on other threads
 * (docs/decisions/0135). What it costs later is what it costs.
 */
export const kCompilingMs = 60_000

/** The detectors of pipelines/host.yaml, in their order. */
export const patterns = ['crash_loop', 'periodic_crash', 'time_pattern', 'memory_leak', 'anomaly', 'prediction']

/** All processors of its one pipeline. */
export const processors = ['memory_limiter', 'dependency', 'incident', ...patterns, 'lifecycle_spans', 'batch']

/**
 * pipelines/host.yaml with the addresses of a lab: same components, same order, same defaults.
 *
 * @param options.systemd, options.batch, options.queue - more options of these components; the last one's are `sending_queue`
 * @param options.file - where a `file` exporter beside the others writes the events
 * @param options.without - processors to leave out
 */
export async function hostConfig({ busAddress, cgroupRoot }, otlpAddress, options = {}) {
  const port = await freePort()
  const rest = (types) => types.filter((type) => !options.without?.includes(type))
  const config = {
    receivers: {
      systemd: { address: busAddress, ...options.systemd },
      cgroup: { root: cgroupRoot, collection_interval: '10s' },
      self_telemetry: {},
    },
    processors: {
      ...Object.fromEntries(rest(processors).map((type) => [type, {}])),
      memory_limiter: { limit: '200MiB' },
      batch: { ...options.batch },
    },
    exporters: {
      otlp: { endpoint: otlpAddress, sending_queue: { overflow: 'drop_oldest', ...options.queue } },
      prometheus: { endpoint: `127.0.0.1:${port}` },
      ...(options.file === undefined ? {} : { file: { path: options.file } }),
    },
    service: {
      pipelines: {
        units: {
          receivers: ['systemd', 'cgroup', 'self_telemetry'],
          processors: rest(processors),
          exporters: ['otlp', 'prometheus'],
        },
        ...(options.file === undefined
          ? {}
          : { 'logs/file': { ...eventsToFile, processors: rest(eventsToFile.processors) } }),
      },
    },
  }
  return { config, port }
}

const eventsToFile = {
  receivers: ['systemd'],
  processors: ['memory_limiter', 'dependency', 'incident', 'crash_loop', 'batch'],
  exporters: ['file'],
}

/** Starts an agent. `close()` ends it and removes its files, whatever state it is in. */
export function startAgent(config, { flags = startCommand.flags, env = startCommand.env } = {}) {
  if (!existsSync(main)) throw new Error('build first: npm run build')
  const folder = mkdtempSync(join(tmpdir(), 'unitscope-bench-'))
  const file = join(folder, 'agent.yaml')
  writeFileSync(file, JSON.stringify(config), { mode: 0o600 }) // YAML 1.2 holds JSON
  const child = spawn(process.execPath, [...flags, main, 'run', '--config', file], {
    cwd: folder,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let log = ''
  let look = () => {}
  child.stderr.setEncoding('utf8').on('data', (text) => {
    log += text
    look()
  })
  let ended = false
  const exited = new Promise((resolve) => {
    child.once('close', () => {
      ended = true
      look()
      resolve()
    })
  })
  return {
    pid: child.pid,
    get log() {
      return log
    },
    /** Resolves once a line of the log fits. */
    logged: (wanted) =>
      new Promise((resolve, reject) => {
        const late = setTimeout(
          () => settle(reject, new Error(`no ${wanted} within ${kReadyLimitMs} ms:\n${log}`)),
          kReadyLimitMs,
        )
        const settle = (how, what) => {
          clearTimeout(late)
          look = () => {}
          how(what)
        }
        look = () => {
          if (wanted.test(log)) settle(resolve)
          else if (ended) settle(reject, new Error(`the agent ended:\n${log}`))
        }
        look()
      }),
    /** Stops it in order; returns the account of its last line: received, exported, dropped by reason. */
    async stop() {
      child.kill('SIGTERM')
      await exited
      const line = log.split('\n').find((text) => text.includes('"message":"stopped"'))
      if (line === undefined) throw new Error(`the agent did not stop in order:\n${log}`)
      return JSON.parse(line)
    },
    async close() {
      if (!ended) child.kill('SIGKILL')
      await exited
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** The receiver has read all units; `running` comes before that. */
export const synchronised = /"component":"receiver\/systemd".*"message":"ok"/

const kReadLimitMs = 300_000

/**
 * Resolves once an agent of `hostConfig` has read all there is to its units: after its first reading it asks for the rest in the
 * background, for some ten seconds (docs/decisions/0187), and what it costs then is not what it costs from then on.
 */
export async function allRead(port) {
  const value = (page, name) =>
    Number(new RegExp(`^unitscope_receiver_systemd_${name}\\{[^}]*\\} (\\d+)$`, 'm').exec(page)?.[1])
  for (const end = performance.now() + kReadLimitMs; ; await sleep(1000)) {
    const page = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
    if (value(page, 'units') > 0 && value(page, 'units_unread') === 0) return
    if (performance.now() > end) throw new Error('the agent has not read all of its units')
  }
}

export async function freePort() {
  const server = createServer()
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address()
  await new Promise((resolve) => server.close(resolve))
  return port
}
