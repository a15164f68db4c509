import { expect, test } from 'vitest'
import { lasting, seedOf } from './rounds.js'
import { kRowMs, kRun, onWire } from './wire.js'

// F11: the backend is away while 10,000 items a second come in. It answers UNAVAILABLE, so that tries can be counted.

const kPerSecond = 10_000
const kConcurrency = 4
const outageS = lasting(5, 600)

const cases = [
  { name: 'memory', disk: false, sending_queue: { max_items: 200_000, max_bytes: '128MiB' } },
  { name: 'disk', disk: true, sending_queue: { max_items: 50_000, max_bytes: '8MiB' } },
]
/** Ten minutes fit on a disk only. */
const wanted = outageS > 10 ? cases.filter(({ disk }) => disk) : cases

for (const { name, disk, sending_queue } of wanted)
  test(
    `F11 an outage of ${outageS} s at 10,000 items a second, queued in ${name}: nothing is lost, few tries, and it shows`,
    async () => {
      await onWire({ disk, exporter: { sending_queue } }, seedOf(11), async (wire) => {
        await wire.load(kPerSecond, 2000)
        await wire.delivered()
        const before = wire.residentMiB()
        const rule = { answer: { kind: 'status', message: 'maintenance' } } as const
        await wire.backend.script({ rules: [rule] })
        const { tries } = await wire.backend.report()
        await wire.load(kPerSecond, outageS * 1000)
        const away = await wire.backend.report()
        await wire.agent.logged(
          /"component":"exporter\/otlp","reason":"UNAVAILABLE: maintenance".*"message":"degraded"/,
        )
        // A try in 30 s of each sender, and those until the breaker opened: ten failures, and what was on its way then.
        expect(away.tries - tries).toBeLessThanOrEqual((outageS / 30) * kConcurrency + 10 + kConcurrency)
        const queued = wire.acknowledged - (away.runs[kRun]?.distinct ?? 0)
        expect(queued).toBeGreaterThan(0)
        if (outageS > 10) expect(queued).toBeGreaterThan(0.95 * outageS * kPerSecond)
        await wire.backend.script({ rules: [] })
        const first = await wire.backend.until(
          'the end of the outage',
          ({ runs }) => runs[kRun]!.distinct > wire.acknowledged - queued,
        )
        const startMs = performance.now()
        const restItems = wire.acknowledged - first.runs[kRun]!.distinct
        const { distinct, damaged, missing } = await wire.delivered(outageS * 1000 + 60_000)
        expect({ distinct, damaged, missing }).toEqual({ distinct: wire.acknowledged, damaged: 0, missing: [] })
        // Three times the rate at which it comes; of seconds of an outage that is measured by nothing.
        if (outageS > 10)
          expect((restItems / (performance.now() - startMs)) * 1000).toBeGreaterThanOrEqual(3 * kPerSecond)
        if (disk) expect(wire.residentMiB('peak') - before).toBeLessThanOrEqual(64)
        await wire.agent.logged(/"message":"degraded"[\s\S]*"component":"exporter\/otlp".*"message":"ok"/)
        expect(await wire.account()).toEqual({})
      })
    },
    kRowMs,
  )
