import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from './free-port.js'

export interface Prometheus {
  readonly url: string
  /** The `data` of an API answer, e.g. of `/api/v1/query?query=up`. */
  api(path: string): Promise<unknown>
  /** Asks again until `accept` likes the answer; fails with the last answer after `maxMs`. */
  until(path: string, accept: (data: unknown) => boolean, maxMs?: number): Promise<unknown>
  /** Ends the process and starts it again, on the same port with the same data. */
  restart(signal: 'SIGTERM' | 'SIGKILL', meanwhile?: () => Promise<void>): Promise<void>
  stop(): Promise<void>
}

const kPollMs = 100
const kMaxLogBytes = 64 * 1024

/**
 * Runs Debian's Prometheus on a free loopback port in a folder of its own, scraping `targets` each second, with
 * exemplar storage on; what is written to it (`/api/v1/write`) is taken, too.
 */
export async function startPrometheus(targets: readonly string[]): Promise<Prometheus> {
  const folder = await mkdtemp(join(tmpdir(), 'unitscope-prometheus-'))
  const config = {
    global: { scrape_interval: '1s', scrape_timeout: '1s' },
    scrape_configs: targets.length === 0 ? [] : [{ job_name: 'unitscope', static_configs: [{ targets }] }],
  }
  // JSON is YAML.
  await writeFile(join(folder, 'prometheus.yml'), JSON.stringify(config))
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  let running = await run(folder, port)
  const api = async (path: string): Promise<unknown> => {
    const answer = await fetch(url + path)
    const body = (await answer.json()) as { status: string; data?: unknown; error?: string }
    if (body.status !== 'success') throw new Error(`prometheus answered ${body.error}`)
    return body.data
  }
  return {
    url,
    api,
    async until(path, accept, maxMs = 60_000) {
      let last: unknown
      for (const start = Date.now(); Date.now() - start < maxMs; ) {
        last = await api(path).catch(String)
        if (accept(last)) return last
        await new Promise((resolve) => setTimeout(resolve, kPollMs))
      }
      throw new Error(`${path} never got there; last answer: ${JSON.stringify(last)}\n${running.log()}`)
    },
    async restart(signal, meanwhile = async () => {}) {
      await running.end(signal)
      await meanwhile()
      running = await run(folder, port)
    },
    async stop() {
      await running.end('SIGTERM')
      await rm(folder, { recursive: true, force: true })
    },
  }
}

interface Running {
  log(): string
  end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void>
}

/** Resolves when it is ready. */
async function run(folder: string, port: number): Promise<Running> {
  const child = spawn(
    '/usr/bin/prometheus',
    [
      `--config.file=${folder}/prometheus.yml`,
      `--storage.tsdb.path=${folder}/data`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--web.enable-remote-write-receiver',
      '--enable-feature=exemplar-storage',
    ],
    { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'], env: {} },
  )
  let log = ''
  child.stderr.on('data', (chunk: Buffer) => {
    log = (log + chunk.toString()).slice(-kMaxLogBytes)
  })
  const ended = new Promise<void>((resolve) => {
    child.on('close', () => resolve())
    child.on('error', (error) => {
      log += String(error)
      resolve()
    })
  })
  const end = async (signal: 'SIGTERM' | 'SIGKILL'): Promise<void> => {
    child.kill(signal)
    await ended
  }
  for (;;) {
    const ready = await fetch(`http://127.0.0.1:${port}/-/ready`).then(
      (answer) => answer.ok,
      () => false,
    ) // refused until it listens
    if (ready) return { log: () => log, end }
    if (child.exitCode !== null || child.pid === undefined) {
      await end('SIGTERM')
      await rm(folder, { recursive: true, force: true })
      throw new Error(`prometheus did not start (package prometheus installed?):\n${log}`)
    }
    await new Promise((resolve) => setTimeout(resolve, kPollMs))
  }
}
