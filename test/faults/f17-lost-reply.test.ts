import { expect, test } from 'vitest'
import { rounds, seedOf } from './rounds.js'
import { kRowMs, onWire } from './wire.js'

// F17: the backend takes a request, and the connection is reset before its reply is out.

const kItems = 10
const kConcurrency = 4

for (const protocol of ['grpc', 'http'] as const)
  test(
    `F17 lost replies over ${protocol}: nothing is lost, and no more comes twice than was on its way`,
    async () => {
      for (let round = 0; round < rounds(1, 20); round++) {
        const seed = seedOf(17) + round
        const exporter = { retry: { initial_delay: '50ms', max_delay: '200ms' }, circuit_breaker: { timeout: '200ms' } }
        await onWire({ protocol, exporter }, seed, async (wire) => {
          await wire.backend.script({
            seed,
            rules: [{ when: { probability: 0.2, first: 100 }, answer: { kind: 'reset', taken: true } }],
          })
          for (let n = 0; n < 100; n++) await wire.send(kItems)
          const { distinct, duplicates, damaged } = await wire.delivered()
          expect([distinct, damaged]).toEqual([100 * kItems, 0])
          const { lastTries } = await wire.backend.report()
          const resets = lastTries.filter(({ answer }) => answer === 'reset').length
          expect(resets).toBeGreaterThan(0)
          expect(duplicates).toBeGreaterThanOrEqual(kItems)
          // gRPC: with the connection go the other requests on it.
          expect(duplicates).toBeLessThanOrEqual(resets * kItems * (protocol === 'grpc' ? kConcurrency : 1))
          expect(await wire.account()).toEqual({})
        })
      }
    },
    kRowMs,
  )
