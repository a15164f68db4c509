import { expect, test } from 'vitest'
import { rounds, seedOf } from './rounds.js'
import { onWire } from './wire.js'

// F16: the backend is overloaded and says when to come back. Four senders have requests for it meanwhile.

const waitMs = rounds(2, 7) * 1000

test.each([
  ['RESOURCE_EXHAUSTED with RetryInfo', 'grpc', { grpc: 'RESOURCE_EXHAUSTED' }],
  ['UNAVAILABLE with RetryInfo', 'grpc', { grpc: 'UNAVAILABLE' }],
  ['429 with Retry-After', 'http', { http: 429 }],
  ['503 with Retry-After, a date', 'http', { http: 503, asDate: true }],
] as const)('F16 %s: nobody tries before, and everything arrives after', async (_, protocol, answer) => {
  await onWire({ protocol }, seedOf(16), async (wire) => {
    // What is on its way when the first answer comes may still arrive: answered alike.
    await wire.backend.script({
      rules: [{ when: { forMs: 1000 }, answer: { kind: 'status', retryAfterMs: waitMs, ...answer } }],
    })
    await Promise.all(Array.from({ length: 12 }, () => wire.send(10)))
    const { distinct, duplicates } = await wire.delivered()
    expect([distinct, duplicates]).toEqual([120, 0])
    const { lastTries } = await wire.backend.report()
    const refused = lastTries.filter((one) => one.answer === 'status')
    const taken = lastTries.filter((one) => one.answer === 'ok')
    // As many as there are senders, and none again.
    expect(refused.length).toBeGreaterThan(0)
    expect(refused.length).toBeLessThanOrEqual(4)
    const firstMs = refused[0]!.atMs
    for (const { atMs } of taken) expect(atMs - firstMs).toBeGreaterThanOrEqual(waitMs)
    expect(await wire.account()).toEqual({})
  })
})
