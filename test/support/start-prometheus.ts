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
  stop(): Promise<void>
}

const kPollMs = 100
const kMaxLogBytes = 64 * 1024

/**
 * Runs Debian's Prometheus on a free loopback port in a folder of its own, scraping `targets` each second, with
 * exemplar storage on.
 */
export async function startPrometheus(targets: readonly string[]): Promise<Prometheus> {
  const folder = await mkdtemp(join(tmpdir(), 'unitscope-prometheus-'))
  const config = {
    global: { scrape_interval: '1s', scrape_timeout: '1s' },
    scrape_configs: [{ job_name: 'unitscope', static_configs: [{ targets }] }],
  }
  // JSON is YAML.
  await writeFile(join(folder, 'prometheus.yml'), JSON.stringify(config))
  const port = await freePort()
  const child = spawn(
    '/usr/bin/prometheus',
    [
      `--config.file=${folder}/prometheus.yml`,
      `--storage.tsdb.path=${folder}/data`,
      `--web.listen-address=127.0.0.1:${port}`,
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

  const url = `http://127.0.0.1:${port}`
  const api = async (path: string): Promise<unknown> => {
    const answer = await fetch(url + path)
    const body = (await answer.json()) as { status: string; data?: unknown; error?: string }
    if (body.status !== 'success') throw new Error(`prometheus answered ${body.error}`)
    return body.data
  }
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM')
    await ended
    await rm(folder, { recursive: true, force: true })
  }

  const prometheus: Prometheus = {
    url,
    api,
    async until(path, accept, maxMs = 30_000) {
      let last: unknown
      for (const start = Date.now(); Date.now() - start < maxMs; ) {
        last = await api(path).catch(String)
        if (accept(last)) return last
        await new Promise((resolve) => setTimeout(resolve, kPollMs))
      }
      throw new Error(`${path} never got there; last answer: ${JSON.stringify(last)}\n${log}`)
    },
    stop,
  }

  for (;;) {
    const ready = await fetch(`${url}/-/ready`).then(
      (answer) => answer.ok,
      () => false,
    ) // refused until it listens
    if (ready) return prometheus
    if (child.exitCode !== null || child.pid === undefined) {
      await stop()
      throw new Error(`prometheus did not start (package prometheus installed?):\n${log}`)
    }
    await new Promise((resolve) => setTimeout(resolve, kPollMs))
  }
}
