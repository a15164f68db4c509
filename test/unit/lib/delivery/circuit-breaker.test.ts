import { describe, expect, test } from 'vitest'
import { backoffMs } from '../../../../src/lib/delivery/backoff.js'
import { CircuitBreaker } from '../../../../src/lib/delivery/circuit-breaker.js'
import { FakeClock } from '../../../../src/testkit/fake-clock.js'

describe('back-off', () => {
  const policy = { initialMs: 1000, maxMs: 30_000, multiplier: 2, jitter: 0.5 }
  const cases: readonly [failures: number, random: number, wanted: number][] = [
    [1, 0.5, 1000],
    [1, 0, 500],
    [1, 0.999_999, 1500],
    [2, 0.5, 2000],
    [5, 0.5, 16_000],
    [6, 0.5, 30_000],
    [1_000_000, 0.5, 30_000],
  ]
  for (const [failures, random, wanted] of cases)
    test(`after ${failures} failures with random ${random} it is ${wanted} ms`, () => {
      expect(Math.round(backoffMs(policy, failures, () => random))).toBe(wanted)
    })
})

describe('the circuit breaker', () => {
  const policy = { failureThreshold: 3, openMs: 10_000 }

  test('opens after so many failures in a row; a success in between starts the count again', () => {
    const breaker = new CircuitBreaker(policy, new FakeClock())
    for (const outcome of ['failed', 'failed', 'succeeded', 'failed', 'failed'] as const) {
      expect(breaker.admit()).toBe(0)
      breaker[outcome]()
    }
    expect(breaker.state.kind).toBe('closed')
    breaker.failed()
    expect(breaker.state.kind).toBe('open')
    expect(breaker.admit()).toBe(10_000)
  })

  test('a server that says when to come back is left alone by all until then, at its first failure, whatever else comes in', async () => {
    const clock = new FakeClock()
    const breaker = new CircuitBreaker(policy, clock)
    for (let n = 0; n < 3; n++) expect(breaker.admit()).toBe(0) // three requests on their way
    breaker.failed(20_000)
    expect(breaker.admit()).toBe(20_000)
    breaker.succeeded()
    breaker.failed()
    expect(breaker.admit()).toBe(20_000)
    await clock.advance(20_000)
    expect(breaker.admit()).toBe(0)
    breaker.succeeded()
    expect(breaker.state).toEqual({ kind: 'closed', failures: 0 })
  })

  test('lets one probe through when its time is over, and closes when that succeeds', async () => {
    const { breaker, clock } = opened()
    await clock.advance(9999)
    expect(breaker.admit()).toBe(1)
    await clock.advance(1)
    expect(breaker.admit()).toBe(0)
    expect(breaker.state.kind).toBe('half_open')
    expect(breaker.admit()).toBeGreaterThan(0)
    breaker.succeeded()
    expect(breaker.admit()).toBe(0)
    expect(breaker.gauge).toBe(0)
  })

  test('stays half-open until so many probes in a row succeed, one at a time', async () => {
    const clock = new FakeClock()
    const breaker = new CircuitBreaker({ failureThreshold: 1, openMs: 1000, successThreshold: 2 }, clock)
    breaker.failed()
    await clock.advance(1000)
    expect(breaker.admit()).toBe(0)
    breaker.succeeded()
    expect(breaker.gauge).toBe(1)
    expect(breaker.admit()).toBe(0)
    expect(breaker.admit()).toBe(1000) // another sender waits for the probe
    breaker.failed()
    expect(breaker.gauge).toBe(2)
    await clock.advance(1500)
    for (let probe = 0; probe < 2; probe++) {
      expect(breaker.admit()).toBe(0)
      breaker.succeeded()
    }
    expect(breaker.gauge).toBe(0)
  })

  test('opens again when the probe fails, for as long as the server asks', async () => {
    const { breaker, clock } = opened()
    await clock.advance(10_000)
    breaker.admit()
    breaker.failed(60_000)
    expect(breaker.gauge).toBe(2)
    await clock.advance(59_999)
    expect(breaker.admit()).toBe(1)
  })

  test('gives the probe to another sender when its own was abandoned', async () => {
    const { breaker, clock } = opened()
    await clock.advance(10_000)
    breaker.admit()
    breaker.abandoned()
    expect(breaker.admit()).toBe(0)
  })

  test.each([
    ['5 s: half as long again each time, up to 15 s', 5000, [5000, 7500, 11_250, 15_000, 15_000]],
    ['a minute: as it was set', 60_000, [60_000, 60_000, 60_000]],
  ])('pauses between probes that fail, of %s', async (_, openMs, wanted) => {
    const clock = new FakeClock()
    const breaker = new CircuitBreaker({ failureThreshold: 1, openMs }, clock)
    const pauses: number[] = []
    for (const _pause of wanted) {
      breaker.failed()
      const pause = breaker.admit()
      pauses.push(pause)
      await clock.advance(pause)
      expect(breaker.admit()).toBe(0)
    }
    expect(pauses).toEqual(wanted)
    breaker.succeeded()
    breaker.failed()
    expect(breaker.admit()).toBe(openMs) // what is down anew is asked soon
  })

  test('a server that is away for ten minutes is tried at most once in 30 s for each of four senders', async () => {
    const clock = new FakeClock()
    const breaker = new CircuitBreaker({ failureThreshold: 10, openMs: 5000 }, clock)
    let tries = 0
    while (clock.monotonicMs() < 600_000) {
      const wait = breaker.admit()
      if (wait > 0) await clock.advance(wait)
      else {
        tries++
        breaker.failed()
      }
    }
    expect(tries).toBeGreaterThan(40)
    expect(tries - 10).toBeLessThanOrEqual((600 / 30) * 4)
  })

  function opened() {
    const clock = new FakeClock()
    const breaker = new CircuitBreaker(policy, clock)
    for (let n = 0; n < 3; n++) breaker.failed()
    return { breaker, clock }
  }
})
