import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Entry } from '../../../bench/lib/case.d.mts'

// Cases are made of the product's own inner parts, which nothing else tells when they change. Those that need neither a bus nor
// root run here, at their shortest and in one process as `npm run bench` runs them; what they measure is not looked at.
const ids = [
  'prometheus-page',
  'dbus-parse',
  'otlp-call',
  'compression',
  'forward',
  'delivery-soak',
  'napi',
  'anomaly-series',
  'anomaly-fleet',
  'anomaly-units',
  'patterns',
  'patterns-cost',
]

const folder = mkdtempSync(join(tmpdir(), 'unitscope-cases-'))
afterAll(() => rmSync(folder, { recursive: true }))

let entries: readonly Entry[] = []
let said: { readonly status: number | null; readonly stderr: string }
beforeAll(() => {
  const json = join(folder, 'results.json')
  const argv = ['bench/run.mjs', ...ids, '--once', '--json', json]
  // A case that hangs is ended here: nothing else runs while this waits.
  said = spawnSync(process.execPath, argv, { encoding: 'utf8', timeout: 280_000 })
  if (existsSync(json)) entries = JSON.parse(readFileSync(json, 'utf8'))
}, 300_000)

test('none of them fails', () => {
  expect(said).toMatchObject({ stderr: '', status: 0 })
})

test.each(ids)('the case %s still runs: every way has figures, and every gate is judged', (id) => {
  const { rows, verdicts } = entries.find((entry) => entry.id === id) ?? { rows: [], verdicts: [] }
  expect(rows).not.toEqual([])
  // A baseline that nobody writes at a point (a rule by hand) is all that may be missing.
  expect(rows.filter(({ figures }) => Object.keys(figures).length === 0).map(({ skipped }) => skipped)).toEqual(
    rows.filter(({ skipped }) => skipped === 'nobody writes one').map(({ skipped }) => skipped),
  )
  expect(verdicts.filter(({ outcome }) => outcome === 'not measured')).toEqual([])
})
