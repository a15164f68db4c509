import { expect, test } from 'vitest'
import { passNumber, seedOf } from './rounds.js'
import { kRun, onWire } from './wire.js'

// F14: a batch that the backend will never take.

test.each([
  ['grpc', 'INVALID_ARGUMENT', 400],
  ['http', 'INVALID_ARGUMENT', 400],
  ['http', 'INVALID_ARGUMENT', 413],
] as const)(
  'F14 over %s, %s or %d: offered once, counted to the item, and those beside it arrive',
  async (protocol, grpc, http) => {
    await onWire({ protocol }, seedOf(14), async (wire) => {
      await wire.backend.script({
        rules: [{ when: { containing: 'poison' }, answer: { kind: 'status', grpc, http, message: 'bad' } }],
      })
      const poisoned = 7 * 3
      for (let n = 0; n < 60; n++) await wire.send(n % 20 === 10 ? 7 : 10, n % 20 === 10 ? 'poison' : 'fine')
      const wanted = wire.acknowledged - poisoned
      const { lastTries } = await wire.backend.until('the rest', ({ runs }) => runs[kRun]?.distinct === wanted)
      const refused = lastTries.filter(({ answer }) => answer === 'status')
      expect(refused).toHaveLength(3)
      // Who was next was not held up. On a machine of its own that takes less than a second; what would hold it up takes 30 s: a breaker, a retry.
      for (const { atMs } of refused) {
        const next = lastTries.find((other) => other.atMs >= atMs && other.answer === 'ok')
        expect((next?.atMs ?? Number.POSITIVE_INFINITY) - atMs).toBeLessThanOrEqual(passNumber(1000, 15_000))
      }
      expect(await wire.account()).toEqual({ permanent: poisoned })
      expect(wire.agent.stderr).toMatch(/the server refused data for good; it is dropped/)
    })
  },
)
