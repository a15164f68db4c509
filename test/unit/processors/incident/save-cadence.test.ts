import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { KeptIncident } from '../../../../src/lib/incidents/saved-incident.js'
import { KeptIncidents } from '../../../../src/processors/incident/kept-incidents.js'
import { FakeClock } from '../../../../src/testkit/fake-clock.js'
import { sampleResource } from '../../../../src/testkit/sample.js'
import { testSettings } from '../../../../src/testkit/test-settings.js'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cadence-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const nano = '1700000000000000000'

/** One unit that crash-loops, with so many lines of its story. */
function loop(n: number, lines: number): KeptIncident {
  const unit = `loop${n}.service`
  const member = {
    unit,
    scope: 'system',
    resource: sampleResource(unit),
    standing: 'starting' as const,
    failures: lines,
    reason: 'exit-code 3',
    failedRun: '',
    beganNano: nano,
    lastNano: nano,
    memoryRun: '',
  }
  return {
    id: (n + 1).toString(16).padStart(32, '0'),
    state: 'open',
    members: [member],
    root: 0,
    openedUnixMs: 1,
    lastUnixMs: 1,
    lastNano: nano,
    mergedIds: [],
    unitsOmitted: 0,
    milestones: Array.from({ length: lines }, () => [nano, `${unit} failed`] as const),
    milestonesDropped: 0,
    stretches: 0,
    told: { atUnixMs: 1, state: 'open', units: 1, root: 0, gaveUp: false },
    sent: { spans: 0, omitted: 0, root: false },
  }
}

// A write is up to 2 MB, and crash loops change something many times a second. What a kill loses the journal tells again.
test.each([
  { units: 1, lines: 1, seconds: 1 },
  { units: 64, lines: 0, seconds: 1 },
  { units: 65, lines: 0, seconds: 2 },
  { units: 50, lines: 64, seconds: 4 }, // crash loops whose stories are full
  { units: 512, lines: 64, seconds: 10 }, // all that is kept
])('$units loops of $lines lines each are written each $seconds s', async ({ units, lines, seconds }) => {
  const clock = new FakeClock()
  const settings = testSettings('processor', 'incident', { clock, stateDirectory: folder, pipeline: 'main' })
  const incidents = Array.from({ length: units }, (_, n) => loop(n, lines))
  let writes = 0
  const kept = new KeptIncidents(settings, () => {
    writes++
    return incidents
  })
  kept.change(true) // an incident was just told of: it waits for nothing
  expect(writes).toBe(1)
  kept.change(false)
  await vi.waitFor(() => expect(clock.pending).toBe(1), { timeout: 20_000 }) // that is on the disk
  await clock.advance(seconds * 1000 - 1)
  for (let more = 0; more < 100; more++) kept.change(false)
  expect(writes).toBe(1)
  await clock.advance(1)
  expect(writes).toBe(2)
  await kept.close()
  expect((await new KeptIncidents(settings, () => []).load()).incidents).toEqual(incidents)
})
