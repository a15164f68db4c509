import { execFileSync } from 'node:child_process'
import { expect, it } from 'vitest'
import type { RawEvent } from '../../src/data/event.js'
import { attr, event, metric } from '../../src/lib/systemd/names.js'
import { describeLab } from '../lab/describe-lab.js'
import { type Lab, waitFor, withLab } from '../lab/lab.js'
import { journalFolder } from './journald-support.js'
import { type Watch, watch } from './systemd-support.js'

const kLoops = 20
const kMortals = 5
/** So many failures are lost, of each unit that crashes. */
const kLost = 5
const kRestartScheduled = '5eb03494b6584870a536b337290809b3' // [SD_MESSAGE_UNIT_RESTART_SCHEDULED]
const kUnitStarted = '39f53479d3a045ac8e11786248231fbf' // [SD_MESSAGE_UNIT_STARTED]
const kUnitFailed = 'd9b373ed55a64feb8242e02dbe79a49c' // [SD_MESSAGE_UNIT_FAILURE_RESULT]

const loops = Array.from({ length: kLoops }, (_, n) => `loop${n}.service`)
/** Fail in the gap, and stay so. */
const mortals = Array.from({ length: kMortals }, (_, n) => `mortal${n}.service`)
const units = [...loops, ...mortals]
const looping =
  '[Unit]\nStartLimitIntervalSec=0\n[Service]\nExecStart=/bin/sh -c "sleep 0.2; exit 3"\nRestart=always\nRestartSec=200ms\n'
const mortal =
  '[Service]\nExecStart=/bin/sh -c "until [ -e /run/end ]; do sleep 0.1; done; exit 4"\nRestart=on-failure\nRestartPreventExitStatus=4\n'

interface Case {
  readonly name: string
  readonly reason: string
  readonly written: Record<string, unknown>
  /** Makes the receiver lose what is signalled while `during` runs. */
  readonly lose: (lab: Lab, watched: Watch, during: () => void) => Promise<void>
}

/** Failures that PID 1 has noted in the journal until now. */
function failuresIn(lab: Lab): number {
  const argv = ['-D', journalFolder(lab), '-o', 'cat', '-q', `MESSAGE_ID=${kUnitFailed}`]
  return execFileSync('journalctl', argv, { encoding: 'utf8' }).split('\n').length - 1
}

const cases: readonly Case[] = [
  {
    name: 'the bus dies, and is back after seconds',
    reason: 'bus_lost',
    written: {},
    async lose(lab, { host }, during) {
      const since = host.reports.length
      await lab.stopBus()
      await waitFor('the receiver to notice', () => host.reports.slice(since).some((one) => one.state === 'degraded'))
      during()
      const before = failuresIn(lab)
      await waitFor('the gap itself', () => failuresIn(lab) >= before + kLost * kLoops)
      await lab.startBus()
    },
  },
  {
    name: 'JavaScript stands still, and the buffer holds 100 signals',
    reason: 'lost_records',
    written: { signal_buffer_size: 100 },
    async lose(lab, _watched, during) {
      during()
      // No turn of the loop until then.
      const before = failuresIn(lab)
      while (failuresIn(lab) < before + kLost * kLoops)
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200)
    },
  },
]

describeLab(`${kLoops} units crash and restart, ${kMortals} fail for good, and signals of it are lost`, () => {
  it.each(cases)('$name: the journal tells each of it once', { timeout: 240_000 }, ({ reason, written, lose }) =>
    withLab(async (lab) => {
      for (const name of loops) lab.writeUnit(name, looping)
      for (const name of mortals) lab.writeUnit(name, mortal)
      await lab.daemonReload()
      await lab.systemctl('start', 'dbus.service')
      const watched = await watch(lab, { collection_interval: '1s', ...written })
      try {
        await lab.systemctl('start', '--no-block', ...units)
        const told = (...names: string[]): RawEvent[] =>
          watched.exporter.events.filter(
            (one) => names.includes(one.name) && units.includes(String(one.attributes[attr.unit])),
          )
        await waitFor('some restarts', () => told(event.restarted).length > 3 * kLoops)
        const before = told(event.restarted).length
        await lose(lab, watched, () => lab.writeFile('/run/end', ''))
        await waitFor(
          'what was missed, and some more',
          () => told(event.restarted).length > before + 2 * kLost * kLoops,
        )
        await lab.systemctl('stop', ...loops)
        const journal = await lab.journal(
          ...[kRestartScheduled, kUnitStarted, kUnitFailed].map((id) => `MESSAGE_ID=${id}`),
          '--output-fields=UNIT,MESSAGE_ID,N_RESTARTS,INVOCATION_ID',
        )
        const said = (id: string, unit: string): unknown[] =>
          journal
            .filter(({ MESSAGE_ID, UNIT }) => MESSAGE_ID === id && UNIT === unit)
            .map(({ INVOCATION_ID }) => INVOCATION_ID)
        // Where the buffer is small the last ones may be lost again, and be told some seconds later.
        const sum = (name: string): number =>
          units.reduce((all, unit) => all + (counted(watched, name).get(unit) ?? 0), 0)
        const all = (id: string): number =>
          journal.filter((one) => one['MESSAGE_ID'] === id && units.includes(one['UNIT'] ?? '')).length
        await waitFor('the last of them', () => {
          return sum(metric.failures) >= all(kUnitFailed) && sum(metric.restarts) >= all(kRestartScheduled)
        })
        await watched.take() // all that systemd has sent until now is here
        await watched.collection()
        const [restarts, failures] = [counted(watched, metric.restarts), counted(watched, metric.failures)]
        const runs = (unit: string, ...names: string[]): unknown[] =>
          told(...names)
            .filter((one) => one.attributes[attr.unit] === unit)
            .map(({ traceId }) => traceId)
        // Neither of the gap nor of what came right after it.
        expect(watched.telemetry.drops.get('rate_limit')).toBeUndefined()
        for (const name of units) {
          expect(restarts.get(name) ?? 0, `${name}, restarts`).toBe(said(kRestartScheduled, name).length)
          expect(failures.get(name) ?? 0, `${name}, failures`).toBe(said(kUnitFailed, name).length)
          expect(runs(name, event.restarted), `${name}, restarted`).toEqual(said(kUnitStarted, name).slice(1))
          expect(runs(name, event.failed), `${name}, failed`).toEqual(said(kUnitFailed, name))
        }
        const ofMortals = told(event.failed).filter((one) => mortals.includes(String(one.attributes[attr.unit])))
        for (const { attributes } of ofMortals) expect(attributes[attr.evidence]).toEqual(['journal'])
        const synthetic = told(event.failed).filter(({ attributes }) => attributes[attr.synthetic] === true)
        expect(synthetic.length).toBeGreaterThan(3 * kLoops)
        for (const { attributes } of synthetic) expect(attributes[attr.evidence]).toEqual(['journal'])
        const gaps = watched.exporter.events.filter(({ name }) => name === event.gap)
        expect(new Set(gaps.map(({ attributes }) => attributes[attr.gapReason]))).toEqual(new Set([reason]))
        expect(watched.exporter.events.filter(({ name }) => name === event.unfilledGap)).toEqual([])
      } finally {
        await watched.close()
      }
    }),
  )
})

/** Last values of a counter by unit; all causes and results together. */
function counted({ exporter }: Watch, name: string): ReadonlyMap<string, number> {
  const sums = new Map<string, number>()
  for (const one of exporter.metrics) {
    if (one.name !== name || one.type !== 'sum') continue
    const sum = one.points.reduce((total, { value }) => total + Number(value), 0)
    sums.set(String(one.resource.attributes[attr.unit]), sum)
  }
  return sums
}
