import { execFileSync } from 'node:child_process'
import { createConnection, type Socket } from 'node:net'
import { expect, test } from 'vitest'
import { passNumber, seedOf, tell } from './rounds.js'
import { onWire, waitFor } from './wire.js'

// F35: the agent may open no more files (prlimit --nofile on the live process): no connection to its backend, none from senders.

const exporter = {
  retry: { initial_delay: '50ms', max_delay: '200ms' },
  circuit_breaker: { failure_threshold: 10_000 },
}

for (const protocol of ['grpc', 'http'] as const)
  test(`F35 no more files, over ${protocol}: no busy loop, and all goes on as soon as there are some`, async () => {
    await onWire({ protocol, exporter }, seedOf(35), async (wire) => {
      const limit = (files: number): void =>
        void execFileSync('prlimit', ['--pid', String(wire.agent.pid), `--nofile=${files}:`])
      await wire.send(10)
      await wire.delivered()
      await wire.backend.down()
      await wire.send(10)
      await wire.agent.logged(/"component":"exporter\/otlp","reason":"UNAVAILABLE: .*"message":"degraded"/)
      // What is open stays; the next one would get the lowest number that is free.
      const open = new Set(wire.openFiles())
      limit(Array.from({ length: open.size + 1 }, (_, number) => number).find((number) => !open.has(number))!)
      await wire.backend.up()
      const senders: Socket[] = Array.from({ length: 20 }, () =>
        createConnection(wire.port, '127.0.0.1').on('error', () => {}),
      )
      try {
        const cpuBefore = wire.cpuSeconds()
        const startMs = performance.now()
        const triesBefore = (await wire.backend.report()).tries
        await waitFor('three seconds', () => performance.now() - startMs > 3000)
        const share = (wire.cpuSeconds() - cpuBefore) / ((performance.now() - startMs) / 1000)
        // The number of the matrix is 5 %, on a machine that is the agent's; a busy loop takes all it can get.
        tell(`F35 over ${protocol}: ${(share * 100).toFixed(1)} % of a CPU without files`)
        expect(share).toBeLessThanOrEqual(passNumber(0.05, 0.2))
        expect((await wire.backend.report()).tries).toBe(triesBefore)
        expect(wire.agent.stderr).not.toMatch(/"message":"failed"/)
      } finally {
        for (const sender of senders) sender.destroy()
      }
      limit(1024)
      const againMs = performance.now()
      const { damaged } = await wire.delivered(60_000)
      tell(`F35 over ${protocol}: delivers ${Math.round(performance.now() - againMs)} ms after there are files again`)
      expect(damaged).toBe(0)
      await wire.send(10)
      await wire.delivered(60_000)
      expect(await wire.account()).toEqual({})
    })
  })
