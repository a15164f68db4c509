import { expect, test } from 'vitest'
import { passNumber, rounds, seedOf, tell } from './rounds.js'
import { kRowMs, kRun, onWire } from './wire.js'

// F13: the backend answers 70 % of all requests with UNAVAILABLE, at random, for 5 s. How long it takes then is told: the number of the
// matrix is ten seconds, on a machine that is the agent's.

for (const protocol of ['grpc', 'http'] as const)
  test(
    `F13 70 % UNAVAILABLE over ${protocol}: soon after it ends everything is there`,
    async () => {
      for (let round = 0; round < rounds(1, 20); round++) {
        const seed = seedOf(13) + round
        await onWire({ protocol }, seed, async (wire) => {
          await wire.backend.script({
            seed,
            rules: [{ when: { probability: 0.7, forMs: 5000 }, answer: { kind: 'status' } }],
          })
          await wire.load(1000, 5000, { items: 20 })
          const overMs = performance.now()
          const { distinct, damaged, duplicates } = await wire.delivered(passNumber(10_000, 60_000))
          tell(`F13 over ${protocol}: everything is there ${Math.round(performance.now() - overMs)} ms after the load`)
          expect({ distinct, damaged, duplicates }).toEqual({ distinct: wire.acknowledged, damaged: 0, duplicates: 0 })
          const { lastTries, runs } = await wire.backend.report()
          const failed = lastTries.filter(({ answer }) => answer === 'status').length
          expect(failed).toBeGreaterThan(5)
          expect(runs[kRun]!.missing).toEqual([])
          expect(await wire.account()).toEqual({})
        })
      }
    },
    kRowMs,
  )
