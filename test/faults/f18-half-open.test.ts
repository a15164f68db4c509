import { expect, test } from 'vitest'
import { lasting, passNumber, seedOf, tell } from './rounds.js'
import { kRowMs, onWire, waitFor } from './wire.js'

// F18: the backend is stopped (SIGSTOP): its kernel still takes connections and data, and nobody ever answers.

const exporter = {
  timeout: '1s',
  retry: { initial_delay: '50ms', max_delay: '100ms' },
  circuit_breaker: { failure_threshold: 10_000 },
}

for (const protocol of ['grpc', 'http'] as const)
  test(
    `F18 a peer that hangs, over ${protocol}: each try ends in time, sockets do not pile up, nothing is lost`,
    async () => {
      await onWire({ protocol, exporter }, seedOf(18), async (wire) => {
        for (let n = 0; n < 8; n++) await wire.send(10)
        await wire.delivered()
        const before = wire.openFiles().length
        wire.backend.freeze()
        const frozenMs = Date.now()
        for (let n = 0; n < 8; n++) await wire.send(10)
        await wire.agent.logged(/"component":"exporter\/otlp","reason":"DEADLINE_EXCEEDED: no answer in 1000 ms"/)
        const [, toldAt] = /"time":"([^"]*)","component":"exporter\/otlp","reason":"DEADLINE/.exec(wire.agent.stderr)!
        // The number of the matrix is its timeout and a second, on a machine that is the agent's; the timeout that it has else is ten.
        tell(`F18 over ${protocol}: a try of 1000 ms was given up after ${Date.parse(toldAt!) - frozenMs} ms`)
        expect(Date.parse(toldAt!) - frozenMs).toBeLessThanOrEqual(passNumber(2000, 9000))
        // Several tries of each sender, every one of which left a connection if that were so.
        const most: number[] = []
        const end = performance.now() + lasting(3, 30) * 1000
        await waitFor(
          'some tries',
          () => {
            most.push(wire.openFiles().length)
            return performance.now() > end
          },
          { timeoutMs: 60_000 },
        )
        expect(Math.max(...most)).toBeLessThanOrEqual(before + 5)
        wire.backend.thaw()
        expect((await wire.delivered()).damaged).toBe(0)
        expect(await wire.account()).toEqual({})
      })
    },
    kRowMs,
  )
