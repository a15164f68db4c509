import { expect, test } from 'vitest'
import { seedOf } from './rounds.js'
import { kRun, onWire } from './wire.js'

// F15: the backend takes a request but for some of its items, and says how many.

test.each([
  ['grpc', {}],
  ['http', {}],
  ['http', { encoding: 'json' }],
] as const)(
  'F15 partial success over %s %o: what was rejected is counted to the item, and nothing is sent again',
  async (protocol, exporter) => {
    await onWire({ protocol, exporter }, seedOf(15), async (wire) => {
      await wire.backend.script({ rules: [{ when: { first: 10 }, answer: { kind: 'partial', rejected: 3 } }] })
      for (let n = 0; n < 30; n++) await wire.send(10)
      const { tries, runs } = await wire.backend.until('the rest', ({ runs: all }) => all[kRun]?.distinct === 270)
      expect(tries).toBe(30)
      expect(runs[kRun]!.duplicates).toBe(0)
      expect(await wire.account()).toEqual({ partial_success: 30 })
      expect((await wire.backend.report()).tries).toBe(30)
    })
  },
)
