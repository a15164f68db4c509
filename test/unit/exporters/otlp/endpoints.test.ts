import { describe, expect, test } from 'vitest'
import { Endpoints, type Strategy } from '../../../../src/exporters/otlp/endpoints.js'
import type { SendResult } from '../../../../src/lib/delivery/sender.js'
import type { EncodedRequest } from '../../../../src/lib/otlp/encode.js'
import { FakeClock } from '../../../../src/testkit/fake-clock.js'
import { RecordingTelemetry } from '../../../../src/testkit/test-settings.js'

const request: EncodedRequest = { signal: 'logs', encoding: 'proto', items: 1, chunks: [], byteLength: 0 }
const taken: SendResult = { kind: 'delivered' }
const away: SendResult = { kind: 'retryable', reason: 'UNAVAILABLE: gone' }
const refused: SendResult = { kind: 'permanent', reason: 'INVALID_ARGUMENT: no' }
const busy: SendResult = { kind: 'retryable', reason: 'RESOURCE_EXHAUSTED: later', afterMs: 7000 }

type Answer = SendResult | ((signal: AbortSignal) => Promise<SendResult>)

/** Endpoints named a, b, c ... that answer as `answers` says at the moment. */
function setUp(answers: Record<string, Answer>, strategy: Strategy = 'failover') {
  const clock = new FakeClock()
  const telemetry = new RecordingTelemetry()
  const lines: string[] = []
  const say = (message: string, fields: object = {}): void =>
    void lines.push([message, ...Object.values(fields)].join(': '))
  const asked: string[] = []
  const released: string[] = []
  const named = Object.keys(answers).map((name) => ({
    name,
    channel: {
      async export(_: EncodedRequest, signal: AbortSignal, onSent: () => void): Promise<SendResult> {
        asked.push(name)
        const answer = answers[name]!
        const result = typeof answer === 'function' ? await answer(signal) : answer
        if (result.kind === 'delivered') onSent()
        return result
      },
      close: () => {},
    },
  }))
  const logger = { debug: say, info: say, warn: say, error: say }
  const endpoints = new Endpoints(named, { strategy, openMs: 10_000, clock, logger, telemetry })
  const send = (signal = new AbortController().signal): Promise<SendResult> =>
    endpoints.export(request, signal, () => void released.push(asked.at(-1)!))
  /** Which were asked for the next request. */
  const next = async (): Promise<string> => {
    asked.splice(0)
    await send()
    return asked.join('')
  }
  const healthy = (): number => telemetry.gauges.get('endpoints_healthy')!()
  return { answers, send, next, clock, lines, healthy, telemetry, released }
}

describe('failover', () => {
  test('sends to the first alone while it is there; what is refused for good is offered to nobody else', async () => {
    const { next, answers, send } = setUp({ a: taken, b: taken })
    expect([await next(), await next()]).toEqual(['a', 'a'])
    answers['a'] = refused
    expect(await next()).toBe('a')
    expect(await send()).toEqual(refused)
  })

  test('a request the first does not take is offered to the second at once; after three the first is left alone', async () => {
    const { next, answers, clock, lines, healthy } = setUp({ a: away, b: taken })
    expect([await next(), await next(), await next(), await next()]).toEqual(['ab', 'ab', 'ab', 'b'])
    expect(healthy()).toBe(1)
    expect(lines).toEqual(['an endpoint is away; others are used: a: UNAVAILABLE: gone'])
    await clock.advance(9999)
    expect(await next()).toBe('b')
    await clock.advance(1)
    expect([await next(), await next()]).toEqual(['ab', 'b']) // a request is its probe, and is not lost for it
    answers['a'] = taken
    await clock.advance(15_000) // after a probe that failed it is left alone for longer
    expect([await next(), await next()]).toEqual(['a', 'a'])
    expect(healthy()).toBe(2)
    expect(lines.slice(1)).toEqual(['an endpoint is back: a'])
  })

  test('one probes, the others go on with the second meanwhile', async () => {
    const { next, answers, send, clock } = setUp({ a: away, b: taken })
    for (let n = 0; n < 3; n++) await next()
    await clock.advance(10_000)
    let answer: (result: SendResult) => void = () => {}
    answers['a'] = () =>
      new Promise((resolve) => {
        answer = resolve
      })
    const probe = send()
    expect(await next()).toBe('b')
    answer(taken)
    expect(await probe).toEqual(taken)
    answers['a'] = taken
    expect(await next()).toBe('a')
  })

  test('a server that asks to be left alone is, until then; all of them: the caller is told when the first wants more', async () => {
    const { next, send, answers, clock, lines } = setUp({ a: busy, b: taken })
    expect(await next()).toBe('ab')
    answers['b'] = { ...busy, afterMs: 3000 }
    expect(await send()).toEqual({ kind: 'retryable', reason: 'b: RESOURCE_EXHAUSTED: later', afterMs: 3000 })
    expect(await next()).toBe('')
    expect(await send()).toEqual({ kind: 'retryable', reason: 'b: has asked to be left alone', afterMs: 3000 })
    await clock.advance(3000)
    answers['b'] = away
    expect(await next()).toBe('b')
    await clock.advance(4000)
    expect(await next()).toBe('ab')
    expect(lines).toEqual([])
  })

  test('all away: the reasons of all, and each further request is one try, of the one that failed longest ago', async () => {
    const { send, next, clock, answers } = setUp({ a: away, b: away })
    expect(await send()).toEqual({ kind: 'retryable', reason: 'a: UNAVAILABLE: gone; b: UNAVAILABLE: gone' })
    await next()
    await clock.advance(1)
    await next()
    expect(await next()).toBe('a')
    await clock.advance(1)
    expect([await next(), await next()]).toEqual(['a', 'b'])
    answers['b'] = taken
    await clock.advance(1)
    expect([await next(), await next()]).toEqual(['a', 'b'])
    expect(await next()).toBe('b')
  })

  test('a request that is given up says nothing about the server, and goes to no other', async () => {
    const hung = (signal: AbortSignal): Promise<SendResult> =>
      new Promise((resolve) =>
        signal.addEventListener('abort', () => resolve({ kind: 'retryable', reason: 'CANCELLED' })),
      )
    const { send, next, answers, healthy } = setUp({ a: hung, b: taken })
    for (let n = 0; n < 5; n++) {
      const controller = new AbortController()
      const result = send(controller.signal)
      controller.abort()
      expect(await result).toEqual({ kind: 'retryable', reason: 'CANCELLED' })
    }
    expect(healthy()).toBe(2)
    answers['a'] = taken
    expect(await next()).toBe('a')
  })

  test('memory that a server without an answer may still be reading is not given back when another has taken the request', async () => {
    const { next, released, answers } = setUp({ a: away, b: taken })
    await next()
    expect(released).toEqual([])
    answers['a'] = taken
    await next()
    expect(released).toEqual(['a'])
  })
})

describe('round robin', () => {
  test('asks one after the other, and leaves out those that are away', async () => {
    const { next, answers, clock, telemetry } = setUp({ a: taken, b: taken, c: taken }, 'round_robin')
    expect([await next(), await next(), await next(), await next()].join('')).toBe('abca')
    answers['b'] = away
    const asked: string[] = []
    for (let n = 0; n < 9; n++) asked.push(await next())
    expect(asked.filter((one) => one.startsWith('b'))).toEqual(['bc', 'bc', 'bc'])
    expect(await next()).not.toContain('b')
    answers['b'] = taken
    await clock.advance(10_000)
    const after = [await next(), await next(), await next()].sort().join('')
    expect(after).toContain('b')
    expect(telemetry.counters.get('endpoint_2_failures')).toBe(3)
  })
})

test('who asks to be left alone speaks for itself: another that is back sooner is tried then', async () => {
  const { next, send, answers } = setUp({ a: away, b: taken })
  for (let n = 0; n < 3; n++) await next() // a is left alone for 10 s
  answers['b'] = { ...busy, afterMs: 60_000 }
  expect(await send()).toMatchObject({ kind: 'retryable', afterMs: 10_000 })
})
