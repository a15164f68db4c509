import { expect, it } from 'vitest'
import { RateLimiter } from '../../../../src/receivers/systemd/rate-limiter.js'
import { FakeClock } from '../../../../src/testkit/fake-clock.js'

it("lets a second's worth through at once, then as many as the rate gives, and counts the rest", async () => {
  const clock = new FakeClock()
  const limiter = new RateLimiter(100, clock)
  expect(limiter.admit(70)).toBe(70)
  expect(limiter.admit(70)).toBe(30)
  expect(limiter.admit(5)).toBe(0)
  expect(limiter.takeSuppressed()).toBe(45)
  expect(limiter.takeSuppressed()).toBe(0)
  await clock.advance(500)
  expect(limiter.admit(60)).toBe(50)
  await clock.advance(60_000)
  expect(limiter.admit(1000)).toBe(100) // an idle minute saves up no more than a second
  expect(limiter.takeSuppressed()).toBe(910)
})

it('lets through after a gap what would have passed in its time, and no burst behind it', async () => {
  const clock = new FakeClock()
  const limiter = new RateLimiter(100, clock)
  expect(limiter.admit(600, 5000)).toBe(500)
  expect(limiter.admit(5)).toBe(0)
  expect(limiter.takeSuppressed()).toBe(105)
  await clock.advance(1000)
  expect(limiter.admit(200, 10)).toBe(100) // a gap shorter than a second allows no less than none
})

it('does not make what comes right after a gap pay for what was told of the gap', () => {
  const limiter = new RateLimiter(100, new FakeClock())
  expect(limiter.admit(300, 10_000)).toBe(300) // 30 a second
  expect(limiter.admit(100)).toBe(100)
  expect(limiter.admit(1)).toBe(0) // no more than a second's worth is left of it
  expect(limiter.admit(960, 10_000)).toBe(960)
  expect(limiter.admit(50)).toBe(40)
})

it('passes the rate over a long time, however the events are grouped', async () => {
  for (const step of [1, 7, 250]) {
    const clock = new FakeClock()
    const limiter = new RateLimiter(100, clock)
    let passed = 0
    for (let ms = 0; ms < 10_000; ms += step) {
      await clock.advance(step)
      passed += limiter.admit(step)
    }
    expect(passed, `every ${step} ms`).toBeGreaterThanOrEqual(1000)
    expect(passed, `every ${step} ms`).toBeLessThanOrEqual(1100)
  }
}, 30_000)
