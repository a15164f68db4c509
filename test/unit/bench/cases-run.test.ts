import { spawnSync } from 'node:child_process'
import { expect, test } from 'vitest'

// Cases are made of the product's own inner parts, which nothing else tells when they change. Those that need neither a bus nor
// root run here, at their shortest; what they measure is not looked at.
test.each([
  'prometheus-page',
  'dbus-parse',
  'otlp-call',
  'forward',
  'delivery-soak',
  'napi',
  'anomaly-series',
  'anomaly-fleet',
  'anomaly-units',
  'patterns',
  'patterns-cost',
])(
  'the case %s still runs',
  (id) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, ['bench/run.mjs', id, '--once'], {
      encoding: 'utf8',
      timeout: 170_000,
    })
    expect(stderr).toBe('')
    expect(stdout).toMatch(new RegExp(`^${id}: [^]*medians of|^${id}: [^]*of one round`))
    expect(status).toBe(0)
  },
  180_000,
)
