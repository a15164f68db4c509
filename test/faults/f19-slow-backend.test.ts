import { expect, test } from 'vitest'
import { lasting, seedOf } from './rounds.js'
import { kRowMs, kRun, onWire } from './wire.js'

// F19: the backend takes 2 s for each reply.

const kQueueItems = 5000

for (const protocol of ['grpc', 'http'] as const)
  test(
    `F19 a slow backend over ${protocol}: senders wait, memory does not grow, nothing is lost`,
    async () => {
      const exporter = { sending_queue: { max_items: kQueueItems, max_bytes: '4MiB', request_interval: '200ms' } }
      await onWire({ protocol, exporter }, seedOf(19), async (wire) => {
        await wire.load(2000, 2000)
        await wire.delivered()
        const before = wire.residentMiB()
        await wire.backend.script({ rules: [{ answer: { kind: 'ok', delayMs: 2000 } }] })
        await wire.load(10_000, lasting(4, 60) * 1000)
        // What it had taken and not delivered was never more than its queue holds.
        const { runs } = await wire.backend.report()
        expect(wire.acknowledged - runs[kRun]!.distinct).toBeLessThanOrEqual(kQueueItems)
        expect(wire.residentMiB('peak') - before).toBeLessThanOrEqual(64)
        await wire.backend.script({ rules: [] })
        expect((await wire.delivered()).damaged).toBe(0)
        expect(await wire.account()).toEqual({})
      })
    },
    kRowMs,
  )
