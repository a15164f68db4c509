import { expect, test } from 'vitest'
import { waitFor } from '../lab/lab.js'
import { Rig } from './rig.js'
import { inject } from './strace.js'

// F7: each fdatasync takes 300 ms more. What comes meanwhile shares the next one, and the agent goes on answering.

test('F7 slow disk: many requests share one fdatasync, and nothing is lost', async () => {
  const rig = await Rig.make()
  try {
    const agent = await rig.started()
    const fault = await inject(rig, agent.pid, 'fdatasync:delay_enter=300000')
    const senders = 32
    await rig.loadFor(3000, { senders, items: 20 })
    const { seen } = fault.calls()
    const requests = rig.oracle.acknowledged / 20
    // A sync for each request would be 3 a second for all senders together.
    expect(requests).toBeGreaterThan(4 * seen)
    expect(rig.oracle.acknowledged).toBe(rig.oracle.issued)
    await fault.end()
    await waitFor('all that is owed', () => rig.oracle.owed === 0)
    expect((await agent.stop()).code).toBe(0)
  } finally {
    await rig.close()
  }
})
