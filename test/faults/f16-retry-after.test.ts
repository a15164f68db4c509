import { expect, test } from 'vitest'
import { lasting, seedOf } from './rounds.js'
import { onWire } from './wire.js'

// F16: the backend is overloaded and says when to come back. Four senders have requests for it meanwhile.

const waitMs = lasting(2, 7) * 1000
const kSenders = 4

test.each([
  ['RESOURCE_EXHAUSTED with RetryInfo', 'grpc', { grpc: 'RESOURCE_EXHAUSTED' }],
  ['UNAVAILABLE with RetryInfo', 'grpc', { grpc: 'UNAVAILABLE' }],
  ['429 with Retry-After', 'http', { http: 429 }],
  ['503 with Retry-After, a date', 'http', { http: 503, asDate: true }],
] as const)('F16 %s: nobody tries before, and everything arrives after', async (_, protocol, answer) => {
  await onWire({ protocol }, seedOf(16), async (wire) => {
    // The first is refused at once, those beside it are taken a little later: their senders know by then.
    await wire.backend.script({
      rules: [
        { when: { first: 1 }, answer: { kind: 'status', retryAfterMs: waitMs, ...answer } },
        { when: { first: kSenders }, answer: { kind: 'ok', delayMs: 1500 } },
      ],
    })
    await Promise.all(Array.from({ length: 12 }, () => wire.send(10)))
    const { distinct, duplicates } = await wire.delivered()
    expect([distinct, duplicates]).toEqual([120, 0])
    const { lastTries } = await wire.backend.report()
    expect(lastTries.filter((one) => one.answer === 'status')).toHaveLength(1)
    const saidMs = lastTries.find((one) => one.answer === 'status')!.atMs
    const before = lastTries.filter(({ atMs }) => atMs - saidMs < waitMs)
    // One for each sender at most.
    expect(before.length).toBeLessThanOrEqual(kSenders)
    expect(await wire.account()).toEqual({})
  })
})
