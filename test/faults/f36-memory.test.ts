import { expect, test } from 'vitest'
import { waitFor } from '../lab/lab.js'
import { OtlpClient } from '../support/otlp-client.js'
import { accountOf, away, Rig } from './rig.js'
import { seedOf } from './rounds.js'
import { onWire } from './wire.js'

// F36: the engine has no memory left and ends the process in the middle of what it does.

test('F36 out of memory: what was acknowledged is delivered by the next process', async () => {
  const rig = await Rig.make({ bodyBytes: 1000 })
  try {
    rig.backend = () => away
    // What the agent needs at rest, and little more.
    const agent = await rig.started(['env', 'NODE_OPTIONS=--max-old-space-size=12'])
    const stop = new AbortController()
    const loading = rig.oracle.load(rig.port, stop.signal, { senders: 4, items: 20 })
    await waitFor('some items to be acknowledged', () => rig.oracle.acknowledged > 200)
    const flood = rig.oracle.load(rig.port, stop.signal, { senders: 16, items: 1500 })
    const { signal } = await agent.exited
    stop.abort()
    await Promise.all([loading, flood])
    expect(signal).toBe('SIGABRT')
    expect(agent.stderr).toMatch(/heap out of memory/)
    rig.backend = () => ({ kind: 'ok' })
    const next = await rig.started()
    await waitFor('all that is owed', () => rig.oracle.owed === 0, { timeoutMs: 60_000 })
    await next.stop()
    expect([rig.oracle.wrong, accountOf(next).dropped]).toEqual([[], {}])
  } finally {
    await rig.close()
  }
})

test('F36 memory_limiter: what it refuses is counted, waits with its senders, and is delivered', async () => {
  const limiter = { limit: '150MiB', spike_limit: '40MiB', check_interval: '50ms' }
  const exporter = { sending_queue: { max_items: 1_000_000, max_bytes: '512MiB' } }
  const refusals = 'unitscope_processor_memory_limiter_refused_items_total'
  await onWire({ exporter, processors: { memory_limiter: limiter }, self: true }, seedOf(36), async (wire) => {
    await wire.send(10)
    await wire.delivered()
    await wire.backend.script({ rules: [{ answer: { kind: 'status' } }] })
    let more = true
    const flood = Array.from({ length: 4 }, async () => {
      const client = new OtlpClient(wire.port)
      while (more) await wire.send(250, 'x'.repeat(1000), client)
      client.close()
    })
    await waitFor('refusals', async () => ((await wire.metric(refusals)) ?? 0) > 0, { timeoutMs: 60_000 })
    // Between two of its looks there may be memory again.
    await waitFor('it to be told', async () => {
      const limited = (await wire.status()).components.find(({ id }) => id === 'memory_limiter')!
      return /refusing data/.test(limited.reason ?? '')
    })
    more = false
    await wire.backend.script({ rules: [] })
    await Promise.all(flood)
    expect((await wire.delivered(90_000)).damaged).toBe(0)
    expect(await wire.account()).toEqual({})
  })
})
