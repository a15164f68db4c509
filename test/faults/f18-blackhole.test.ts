import { expect, test } from 'vitest'
import { FarNetwork } from './far-network.js'
import { lasting, seedOf } from './rounds.js'
import { kRowMs, onWire, waitFor } from './wire.js'

// F18: the way to the backend swallows packets. Nothing is acknowledged, not even a new connection; nothing is refused either.

const exporter = {
  timeout: '500ms',
  retry: { initial_delay: '50ms', max_delay: '100ms' },
  circuit_breaker: { failure_threshold: 10_000 },
}

for (const protocol of ['grpc', 'http'] as const)
  test(
    `F18 a way that swallows all, over ${protocol}: tries end, sockets do not pile up, nothing is lost`,
    async () => {
      const far = await FarNetwork.open()
      try {
        await onWire({ protocol, exporter, far }, seedOf(18), async (wire) => {
          for (let n = 0; n < 8; n++) await wire.send(10)
          await wire.delivered()
          const before = wire.openFiles().length
          far.cut()
          for (let n = 0; n < 8; n++) await wire.send(10)
          await wire.agent.logged(/"component":"exporter\/otlp","reason":"(DEADLINE_EXCEEDED|UNAVAILABLE): /)
          // Several tries of each sender, every one of which left a connection if that were so.
          const most: number[] = []
          const end = performance.now() + lasting(2, 30) * 1000
          await waitFor(
            'some tries',
            () => {
              most.push(wire.openFiles().length)
              return performance.now() > end
            },
            { timeoutMs: 60_000 },
          )
          expect(Math.max(...most)).toBeLessThanOrEqual(before + 5)
          far.mend()
          expect((await wire.delivered(90_000)).damaged).toBe(0)
          expect(await wire.account()).toEqual({})
        })
      } finally {
        await far.close()
      }
    },
    kRowMs,
  )
