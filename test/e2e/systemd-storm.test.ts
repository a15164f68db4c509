import { expect, it } from 'vitest'
import type { RawEvent } from '../../src/data/event.js'
import { attr, event, metric } from '../../src/lib/systemd/names.js'
import { describeLab } from '../lab/describe-lab.js'
import { type JournalEntry, waitFor, withLab } from '../lab/lab.js'
import { type Watch, watch } from './systemd-support.js'

const kUnits = 100
/** Of all units together: so the storm is one on machines of any speed. */
const kRestarts = 15 * kUnits
const crasher = '[Unit]\nStartLimitIntervalSec=0\n[Service]\nExecStart=/bin/false\nRestart=always\nRestartSec=100ms\n'

// systemd(1) calls these messages by ID only; the catalog's names are in brackets.
const kRestartScheduled = '5eb03494b6584870a536b337290809b3' // [SD_MESSAGE_UNIT_RESTART_SCHEDULED]
const kUnitStarted = '39f53479d3a045ac8e11786248231fbf' // [SD_MESSAGE_UNIT_STARTED]

describeLab('a storm', () => {
  for (const bus of ['daemon', 'broker'] as const) {
    const story = `${kUnits} units that crash and restart each 100 ms, on ${bus}: every restart counted`
    it(story, { timeout: 240_000 }, () =>
      withLab(
        async (lab) => {
          const names = Array.from({ length: kUnits }, (_, i) => `loop${i}.service`)
          for (const name of names) lab.writeUnit(name, crasher)
          await lab.daemonReload()
          await lab.systemctl('start', 'dbus.service')
          const watched = await watch(lab, {
            max_events_per_second: 100_000,
            batch_timeout: '100ms',
            collection_interval: '1s',
          })
          try {
            await lab.systemctl('start', '--no-block', ...names)
            const restarts = () => watched.exporter.events.filter(({ name }) => name === event.restarted).length
            await waitFor('the storm itself', () => restarts() > kRestarts, { timeoutMs: 180_000 })
            await lab.systemctl('stop', ...names)
            const events = await watched.take()
            await watched.collection()
            const journal = await lab.journal(
              `MESSAGE_ID=${kRestartScheduled}`,
              `MESSAGE_ID=${kUnitStarted}`,
              '--output-fields=UNIT,MESSAGE_ID,N_RESTARTS',
            )
            check(names, journal, events, restartCounters(watched))
            expect([...watched.telemetry.drops]).toEqual([])
            console.log(`${bus}: ${events.length} events, ${journal.length} journal entries`)
          } finally {
            await watched.close()
          }
          watched.checkLedger()
        },
        { bus },
      ),
    )
  }
})

/** What systemd wrote into the journal about each unit is what was told. */
function check(
  names: readonly string[],
  journal: readonly JournalEntry[],
  events: readonly RawEvent[],
  counted: ReadonlyMap<string, number>,
): void {
  const scheduled = new Map<string, number>()
  for (const { UNIT = '', N_RESTARTS } of journal) {
    if (N_RESTARTS !== undefined) scheduled.set(UNIT, Math.max(scheduled.get(UNIT) ?? 0, Number(N_RESTARTS)))
  }
  const starts = countBy(journal.filter(({ MESSAGE_ID }) => MESSAGE_ID === kUnitStarted).map(({ UNIT = '' }) => UNIT))
  const told = (name: string) =>
    countBy(events.filter((one) => one.name === name).map((one) => String(one.attributes[attr.unit])))
  const restarted = told(event.restarted)
  expect(scheduled.size).toBe(kUnits)
  expect([...scheduled.values()].reduce((sum, n) => sum + n)).toBeGreaterThan(kUnits * 10)
  expect(told(event.started)).toEqual(new Map(names.map((name) => [name, 1])))
  for (const name of names) {
    // The counter is systemd's own N_RESTARTS. The last restart may be scheduled and then taken back by the stop at the
    // end; a unit that was not active again was not restarted, so the events are as many as the starts after the first.
    expect(counted.get(name), `${name}, counter`).toBe(scheduled.get(name))
    expect(restarted.get(name), `${name}, events`).toBe(starts.get(name)! - 1)
    const takenBack = scheduled.get(name)! - restarted.get(name)!
    expect([0, 1], `${name}, scheduled but not started`).toContain(takenBack)
  }
}

function restartCounters({ exporter }: Watch): Map<string, number> {
  const out = new Map<string, number>()
  for (const one of exporter.metrics) {
    if (one.name !== metric.restarts || one.type !== 'sum') continue
    for (const point of one.points) {
      if (point.attributes[attr.restartCause] === 'auto') {
        out.set(String(one.resource.attributes[attr.unit]), Number(point.value))
      }
    }
  }
  return out
}

function countBy(names: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1)
  return counts
}
