import { expect, test } from 'vitest'
import { waitFor } from '../lab/lab.js'
import { accountOf, away, Rig } from './rig.js'

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
