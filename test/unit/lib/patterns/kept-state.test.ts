import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { crc32 } from 'node:zlib'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Detector } from '../../../../src/lib/patterns/detector.js'
import { KeptState } from '../../../../src/lib/patterns/kept-state.js'
import { restoreUnits } from '../../../../src/lib/patterns/restored-units.js'
import { readSavedText, type SavedState, savedText } from '../../../../src/lib/patterns/saved-state.js'
import { UnitTable } from '../../../../src/lib/patterns/unit-table.js'
import { FakeClock } from '../../../../src/testkit/fake-clock.js'
import { type RecordingTelemetry, testSettings } from '../../../../src/testkit/test-settings.js'
import { atOnce, type Pausable } from '../../../../src/util/pausable.js'

let stateDirectory: string
beforeEach(() => {
  stateDirectory = mkdtempSync(join(tmpdir(), 'unitscope-kept-'))
})
afterEach(() => rmSync(stateDirectory, { recursive: true, force: true }))

/** Knows 4.5 KB of each unit; it takes 0.2 ms of the fake clock to put that down. */
class Learned implements Detector {
  readonly units = new UnitTable<{ n: number }>(10_000, () => {})
  /** The time before and after each unit that was taken. */
  taken: number[] = []
  readonly nowMs: () => number
  readonly spend: (ms: number) => void

  constructor(nowMs: () => number, spend: (ms: number) => void) {
    this.nowMs = nowMs
    this.spend = spend
  }

  save(): SavedState {
    return { units: this.#saved() }
  }

  *#saved() {
    for (const [key, { n }] of this.units.snapshot()) {
      this.spend(0.2)
      this.taken.push(n)
      yield [key, n, 'x'.repeat(4500)]
    }
  }

  /** As long as it takes to put it down. */
  *restore(saved: unknown): Pausable<void> {
    yield* restoreUnits<[string, number, string], [string, number]>(saved, {
      read: ([key, n]) => {
        this.spend(0.2)
        return [key, n]
      },
      keyOf: ([key]) => key,
      take: ([key, n]) => {
        this.spend(0.1)
        this.units.set(key, { n })
      },
      max: 10_000,
    })
  }
}

function rig() {
  let spentMs = 0
  const fake = new FakeClock()
  const clock = Object.assign(Object.create(fake) as FakeClock, { monotonicMs: () => spentMs })
  const settings = testSettings('processor', 'learned', { clock, stateDirectory })
  const detector = new Learned(clock.monotonicMs, (ms) => {
    spentMs += ms
  })
  const kept = new KeptState(settings, detector, 1)
  return {
    kept,
    detector,
    telemetry: settings.telemetry as RecordingTelemetry,
    pass: detector.spend,
    nowMs: clock.monotonicMs,
  }
}

const file = () => readFileSync(join(stateDirectory, 'processor.learned.pattern'), 'utf8')

test('4096 units are saved in turns of 8 ms, while units come, go and are heard of', async () => {
  const { kept, detector, pass, nowMs } = rig()
  for (let n = 0; n < 4096; n++) detector.units.set(`${n}.service`, { n })
  pass(300_000)
  kept.touch()
  const turns: number[] = []
  for (let before = nowMs(); detector.taken.length < 4095; ) {
    await nextTurn()
    const tookMs = nowMs() - before
    if (tookMs > 0) {
      turns.push(tookMs)
      detector.units.get(`${turns.length}.service`) // goes to the end of the table
      detector.units.set(`new-${turns.length}.service`, { n: -1 })
      detector.units.delete('4000.service')
    }
    before = nowMs()
  }
  await kept.close()
  expect(Math.max(...turns)).toBeLessThan(8.3)
  expect(turns.length).toBeGreaterThanOrEqual(100)
  const once = detector.taken.slice(0, 4095)
  expect(once).toEqual(Array.from({ length: 4096 }, (_, n) => n).filter((n) => n !== 4000))
})

test('what was saved in turns is read back', async () => {
  const { kept, detector } = rig()
  for (let n = 0; n < 500; n++) detector.units.set(`${n}.sérvice`, { n })
  await kept.close()
  expect(JSON.parse(file().slice(file().indexOf('\n'))).units).toHaveLength(500)
  const next = rig()
  await next.kept.load()
  expect([...next.detector.units.entries()]).toEqual([...detector.units.entries()])
})

test('4096 units are read back in turns of 8 ms', async () => {
  const { kept, detector } = rig()
  for (let n = 0; n < 4096; n++) detector.units.set(`${n}.service`, { n })
  await kept.close()
  const next = rig()
  const turns: number[] = []
  let loaded = false
  const loading = next.kept.load().then(() => {
    loaded = true
  })
  for (let before = next.nowMs(); !loaded; before = next.nowMs()) {
    await nextTurn()
    const tookMs = next.nowMs() - before
    if (tookMs > 0) turns.push(tookMs) // of turns that wait for the disk there may be a million
  }
  await loading
  expect(next.detector.units.size).toBe(4096)
  expect(Math.max(...turns)).toBeLessThan(8.3)
  expect(turns.length).toBeGreaterThanOrEqual(100)
})

test.each([
  ['what is no JSON', 'units":[\n{},\n{"a":}\n]}'],
  ['another end', '{"units":[\n{}'],
])('of %s nothing is believed', async (_, body) => {
  const head = `unitscope-state pattern 1 ${crc32(body).toString(16).padStart(8, '0')} ${body.length}`
  writeFileSync(join(stateDirectory, 'processor.learned.pattern'), `${head}\n${body}`)
  const { kept, detector, telemetry } = rig()
  await kept.load()
  expect(telemetry.errors.get('state_damaged')).toBe(1)
  expect(detector.units.size).toBe(0)
})

test('a file in one line, as they were, is read', async () => {
  const body = '{"units":[["a",7,""]]}'
  const head = `unitscope-state pattern 1 ${crc32(body).toString(16).padStart(8, '0')} ${body.length}`
  writeFileSync(join(stateDirectory, 'processor.learned.pattern'), `${head}\n${body}`)
  const { kept, detector } = rig()
  await kept.load()
  expect([...detector.units.entries()]).toEqual([['a', { n: 7 }]])
})

test.each<SavedState>([
  { units: [] },
  { bar: [1, 2], units: [] },
  { jobs: ['a'], bar: null, units: [['a', { n: 1 }], 'b'] },
])('the parts make one JSON value: %j', (saved) => {
  const text = [...savedText(saved)].join('')
  expect(JSON.parse(text)).toEqual(saved)
  expect(atOnce(readSavedText(Buffer.from(text)))).toEqual(saved)
})
