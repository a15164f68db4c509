import { expect, test } from 'vitest'
import { waitFor } from '../lab/lab.js'
import { OtlpClient } from '../support/otlp-client.js'
import { accountOf, away, Rig, sum } from './rig.js'

// F12: an outage that is longer than the queue (8 MiB) is large.

for (const overflow of ['block', 'drop_newest', 'drop_oldest'] as const)
  test(`F12 the queue is full, ${overflow}: only that is done, and counted to the item`, async () => {
    const rig = await Rig.make({ queue: { max_bytes: '8MiB' }, sendingQueue: { overflow }, bodyBytes: 4000 })
    try {
      rig.backend = () => away
      const agent = await rig.started()
      const client = new OtlpClient(rig.port)
      // 16 MiB into 8.
      for (let n = 0; n < 200; n++) await rig.oracle.export(client, 20)
      client.close()
      const { acknowledged, issued } = rig.oracle
      if (overflow === 'drop_oldest') expect(acknowledged).toBe(issued)
      else expect(acknowledged).toBeLessThan(issued * 0.6)
      // Half of it was kept: what is owed then is what was not dropped.
      rig.backend = () => ({ kind: 'ok' })
      const kept = () => (overflow === 'drop_oldest' ? rig.oracle.arrived > issued * 0.35 : rig.oracle.owed === 0)
      await waitFor('what was kept', kept)
      await waitFor('the end of it', async () => {
        const before = rig.oracle.arrived
        await new Promise((resolve) => setTimeout(resolve, 500))
        return rig.oracle.arrived === before
      })
      expect((await agent.stop()).code).toBe(0)
      const account = accountOf(agent)
      expect(account.received).toBe(account.exported + sum(account.dropped) + (account.queued ?? 0))
      const dropped = {
        block: {},
        drop_newest: { queue_full: issued - acknowledged },
        // What an agent that stood still meanwhile had not sent by the end is in its queue.
        drop_oldest: { queue_full: rig.oracle.owed - (account.queued ?? 0) },
      }
      expect(account.dropped).toEqual(dropped[overflow])
      expect(rig.oracle.wrong).toEqual([])
    } finally {
      await rig.close()
    }
  })
