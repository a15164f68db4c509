import { mkdirSync } from 'node:fs'
import { expect, test } from 'vitest'
import { seededRandom } from '../../src/testkit/test-settings.js'
import { type Agent, startAgent, Workspace } from '../e2e/agent.js'
import { waitFor } from '../lab/lab.js'
import { freePort } from '../support/free-port.js'
import { startPrometheus } from '../support/start-prometheus.js'
import { accountOf } from './rig.js'
import { rounds, seedOf } from './rounds.js'

// The agent is killed while it writes to a real Prometheus, which is away now and then: samples have their places in a row, so
// that one which is written twice, or late, would be refused, and others of its request with it.

const kRounds = rounds(6, 300)

test(`remote write with a queue on disk, killed ${kRounds} times: each sample that was acknowledged is there, at its time`, {
  timeout: 120_000 + kRounds * 10_000,
}, async () => {
  const seed = seedOf(3)
  const random = seededRandom(seed)
  const prometheus = await startPrometheus([])
  const workspace = new Workspace()
  const port = await freePort()
  mkdirSync(workspace.path('queue'), { mode: 0o700 })
  const config = workspace.writeConfig({
    receivers: { otlp: { protocols: { http: { endpoint: `127.0.0.1:${port}` } } } },
    extensions: { file_queue: { fsync: 'always', directory: workspace.path('queue') } },
    exporters: {
      prometheus_remote_write: {
        endpoint: `${prometheus.url}/api/v1/write`,
        sending_queue: { storage: 'file_queue', request_interval: '20ms' },
        retry: { initial_delay: '50ms', max_delay: '200ms' },
        circuit_breaker: { failure_threshold: 10_000 },
      },
    },
    service: {
      extensions: ['file_queue'],
      pipelines: { metrics: { receivers: ['otlp'], exporters: ['prometheus_remote_write'] } },
    },
  })
  const startMs = Date.now()
  const acknowledged: number[] = []
  let next = 0
  /** Offers one sample after the other until the agent is gone. */
  const load = async (): Promise<void> => {
    for (;;) {
      const value = next++
      if (!(await offer(port, startMs + value, value))) return
      acknowledged.push(value)
    }
  }
  let agent: Agent | undefined
  try {
    for (let round = 0; round < kRounds; round++) {
      agent = await startAgentOn(config)
      const life = async (): Promise<void> => {
        const before = acknowledged.length
        const loading = load()
        await waitFor('load', () => acknowledged.length >= before + 5)
        await new Promise((resolve) => setTimeout(resolve, 100 + random() * 400))
        await agent!.stop('SIGKILL')
        await loading
      }
      // Every other time Prometheus goes away meanwhile, by itself or not.
      if (round % 2 === 0) await life()
      else await prometheus.restart(round % 4 === 1 ? 'SIGKILL' : 'SIGTERM', life)
    }
    agent = await startAgentOn(config)
    const last = next++
    expect(await offer(port, startMs + last, last)).toBe(true)
    acknowledged.push(last)
    await prometheus.until(query('last_over_time(kept[20m])'), (data) => valuesOf(data).at(-1)?.[1] === String(last))
    expect((await agent.stop()).code).toBe(0)

    const kept = new Map(valuesOf(await prometheus.api(query('kept[20m]'))).map(([s, value]) => [Number(value), s]))
    const told = `seed ${seed}, of ${acknowledged.length}`
    expect(acknowledged.length).toBeGreaterThanOrEqual(kRounds * 5)
    expect([told, acknowledged.filter((value) => !kept.has(value))]).toEqual([told, []])
    for (const [value, seconds] of kept) expect(Math.round(seconds * 1000)).toBe(startMs + value)
    const account = accountOf(agent)
    expect([told, account.queued ?? 0, account.dropped]).toEqual([told, 0, {}])
  } finally {
    await agent?.stop('SIGKILL')
    await prometheus.stop()
    workspace.remove()
  }
})

async function startAgentOn(config: string): Promise<Agent> {
  const agent = startAgent(['run', '--config', config])
  await agent.logged(/"message":"running"/)
  return agent
}

/** One sample; false when nobody has taken it. */
async function offer(port: number, atMs: number, value: number): Promise<boolean> {
  const point = { timeUnixNano: `${atMs}000000`, asDouble: value }
  const metric = { name: 'kept', gauge: { dataPoints: [point] } }
  const body = { resourceMetrics: [{ resource: {}, scopeMetrics: [{ scope: {}, metrics: [metric] }] }] }
  const headers = { 'content-type': 'application/json' }
  try {
    const url = `http://127.0.0.1:${port}/v1/metrics`
    return (await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) })).ok
  } catch {
    return false
  }
}

const query = (text: string): string =>
  `/api/v1/query?query=${encodeURIComponent(text)}&time=${Math.ceil(Date.now() / 1000) + 5}`

/** Times in seconds and values, of the one series there is. */
function valuesOf(data: unknown): readonly (readonly [number, string])[] {
  type Result = { readonly values?: readonly [number, string][]; readonly value?: [number, string] }
  const [one] = (data as { readonly result: readonly Result[] }).result ?? []
  return one?.values ?? (one?.value === undefined ? [] : [one.value])
}
