import { readFileSync, writeFileSync } from 'node:fs'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Agent, agentMain, startAgent, startProgram, Workspace } from '../e2e/agent.js'
import { waitFor } from '../lab/lab.js'
import { startOtlpBackend } from '../support/otlp-backend/otlp-backend.js'

// F39: a changed configuration while the backend is away, by SIGHUP.

let workspace: Workspace
beforeEach(() => {
  workspace = new Workspace()
})
afterEach(() => workspace.remove())

/** What `unitscope status --json` says of it. */
async function statusOf(socket: string) {
  const status = startProgram(process.execPath, [agentMain, 'status', '--socket', socket, '--json'])
  await status.exited
  if (status.stdout === '') throw new Error(status.stderr)
  const { pid, components, ledger } = JSON.parse(status.stdout)
  const row = (id: string) => ledger.rows.find((one: { readonly id: string }) => one.id === id)
  return { pid, components, ledger, row }
}

/** The last value of a metric in a file of OTLP lines. */
function lastValue(file: string, metric: string): number | undefined {
  const found = [...readFileSync(file, 'utf8').matchAll(new RegExp(`"name":"${metric}".*?"asInt":"?(\\d+)`, 'g'))]
  const last = found.at(-1)?.[1]
  return last === undefined ? undefined : Number(last)
}

async function hangUp(agent: Agent, answer: RegExp): Promise<void> {
  process.kill(agent.pid, 'SIGHUP')
  await agent.logged(answer)
}

test('F39 an invalid file changes nothing, and a valid one loses nothing of what is queued', async () => {
  const backend = await startOtlpBackend()
  await backend.down()
  const socket = workspace.path('status.sock')
  const copy = workspace.path('copy.jsonl')
  const receivers = { self_telemetry: { collection_interval: '1s' } }
  const sending_queue = { shutdown_timeout: '6s' }
  const exporters = { otlp: { endpoint: backend.grpc, tls: { insecure: true }, sending_queue }, file: { path: copy } }
  const pipeline = { receivers: ['self_telemetry'], exporters: ['otlp', 'file'] }
  const config = { receivers, exporters, service: { status_socket: socket, pipelines: { all: pipeline } } }
  const file = workspace.writeConfig(config)
  const agent = startAgent(['run', '--config', file])
  try {
    await agent.logged(/"message":"running"/)
    const queued = async () => (await statusOf(socket)).row('otlp').queued as number
    await waitFor('a queue of two readings', async () => (await queued()) > 300)

    // A wrong type on line 3: the key and the line are named, and everything goes on.
    writeFileSync(file, 'receivers:\n  self_telemetry:\n    collection_interval: soon\nservice: {}\n')
    await hangUp(agent, /the changed configuration is wrong: the one before goes on/)
    expect(agent.stderr).toMatch(/:3:\d+ receivers\.self_telemetry\.collection_interval: .*duration/)
    await waitFor('the count', async () => lastValue(copy, 'unitscope_config_reloads_failed_total') === 1)
    expect((await statusOf(socket)).pid).toBe(agent.pid)

    // One that is valid: a filter comes, the interval changes, the exporters stay as they are.
    const before = await queued()
    const changed = {
      ...config,
      receivers: { self_telemetry: { collection_interval: '2s' } },
      processors: { filter: { exclude: [{ names: ['nodejs.*'] }] } },
      service: { ...config.service, pipelines: { all: { ...pipeline, processors: ['filter'] } } },
    }
    writeFileSync(file, JSON.stringify(changed))
    await hangUp(agent, /configuration reloaded/)
    const after = await statusOf(socket)
    expect(after.components.map(({ id }: { readonly id: string }) => id)).toEqual([
      'self_telemetry',
      'filter',
      'otlp',
      'file',
    ])
    expect(after.row('otlp').queued).toBeGreaterThanOrEqual(before)
    await waitFor('the filter', async () => ((await statusOf(socket)).row('filter').dropped.filtered ?? 0) > 0)

    await backend.up()
    await waitFor('the queue to drain', async () => (await queued()) === 0)
    expect(lastValue(copy, 'unitscope_config_reloads_total')).toBe(1)
    expect(await agent.stop('SIGTERM')).toMatchObject({ code: 0 })
    expect(agent.stderr).not.toContain('unaccounted')
    const { received, exported, dropped } = agent.totals()
    expect(Object.keys(dropped)).toEqual(['filtered'])
    expect(exported).toBe(2 * (received - dropped['filtered']!))
  } finally {
    await agent.stop('SIGKILL')
    await backend.stop()
  }
})
