import { afterAll, beforeAll, expect, it } from 'vitest'
import type { RawEvent } from '../../src/data/event.js'
import { attr, event, metric } from '../../src/lib/systemd/names.js'
import { describeLab } from '../lab/describe-lab.js'
import { bootLab, type Lab, waitFor } from '../lab/lab.js'
import { type Watch, watch } from './systemd-support.js'

const kReexecs = 5
const kLoops = 20
const kCalm = 20
const kRestartScheduled = '5eb03494b6584870a536b337290809b3' // [SD_MESSAGE_UNIT_RESTART_SCHEDULED]
const kUnitStarted = '39f53479d3a045ac8e11786248231fbf' // [SD_MESSAGE_UNIT_STARTED]
const kUnitFailed = 'd9b373ed55a64feb8242e02dbe79a49c' // [SD_MESSAGE_UNIT_FAILURE_RESULT]

const loops = Array.from({ length: kLoops }, (_, n) => `loop${n}.service`)
const calm = Array.from({ length: kCalm }, (_, n) => `calm${n}.service`)
const looping =
  '[Unit]\nStartLimitIntervalSec=0\n[Service]\nExecStart=/bin/sh -c "sleep 0.2; exit 3"\nRestart=always\nRestartSec=200ms\n'

describeLab(`PID 1 is executed anew ${kReexecs} times while ${kLoops} units crash and restart`, () => {
  let lab: Lab
  let watched: Watch

  beforeAll(async () => {
    lab = await bootLab()
    for (const name of loops) lab.writeUnit(name, looping)
    for (const name of calm) lab.writeUnit(name, '[Service]\nExecStart=/bin/sleep infinity\n')
    await lab.daemonReload()
    await lab.systemctl('start', 'dbus.service', ...calm)
    watched = await watch(lab, { collection_interval: '1s', max_events_per_second: 100_000 })
  })
  afterAll(async () => {
    await watched?.close()
    await lab?.close()
  })

  const told = (unit: string, ...names: string[]): RawEvent[] =>
    watched.exporter.events.filter((one) => names.includes(one.name) && one.attributes[attr.unit] === unit)
  const gaps = (): number =>
    watched.exporter.events.filter((one) => one.name === event.gap && one.attributes[attr.gapReason] === 'reexec')
      .length
  const counted = (name: string): ReadonlyMap<string, number> => {
    const sums = new Map<string, number>()
    for (const one of watched.exporter.metrics) {
      if (one.name !== name || one.type !== 'sum') continue
      const sum = one.points.reduce((total, { value }) => total + Number(value), 0)
      sums.set(String(one.resource.attributes[attr.unit]), sum)
    }
    return sums
  }

  it('each run is told once, nothing of those that run on, and counters are the journal’s', {
    timeout: 240_000,
  }, async () => {
    await watched.take()
    await lab.systemctl('start', '--no-block', ...loops)
    await waitFor('all to loop', () => loops.every((name) => told(name, event.restarted).length > 0))
    for (let n = 1; n <= kReexecs; n++) {
      await lab.systemctl('daemon-reexec')
      await waitFor('the gap to be told', () => gaps() >= n)
      const before = told(loops[0]!, event.restarted).length
      await waitFor('some more restarts', () => told(loops[0]!, event.restarted).length > before + 1)
    }
    await lab.systemctl('stop', ...loops)
    const events = await watched.take()
    await watched.collection()
    const journal = await lab.journal(
      ...[kRestartScheduled, kUnitStarted, kUnitFailed].map((id) => `MESSAGE_ID=${id}`),
      '--output-fields=UNIT,MESSAGE_ID,N_RESTARTS,INVOCATION_ID',
    )
    const said = (id: string, unit: string): unknown[] =>
      journal.filter((one) => one['MESSAGE_ID'] === id && one['UNIT'] === unit).map((one) => one['INVOCATION_ID'])
    const runs = (unit: string, ...names: string[]): unknown[] => told(unit, ...names).map(({ traceId }) => traceId)
    const ofAll = (by: (name: string) => unknown): Record<string, unknown> =>
      Object.fromEntries(loops.map((name) => [name, by(name)]))
    const [restarts, failures] = [counted(metric.restarts), counted(metric.failures)]
    expect(ofAll((name) => runs(name, event.started, event.restarted))).toEqual(
      ofAll((name) => said(kUnitStarted, name)),
    )
    expect(ofAll((name) => runs(name, event.failed))).toEqual(ofAll((name) => said(kUnitFailed, name)))
    expect(ofAll((name) => runs(name, event.started).length)).toEqual(ofAll(() => 1))
    expect(ofAll((name) => restarts.get(name))).toEqual(ofAll((name) => said(kRestartScheduled, name).length))
    expect(ofAll((name) => failures.get(name))).toEqual(ofAll((name) => said(kUnitFailed, name).length))
    expect(events.filter((one) => calm.includes(String(one.attributes[attr.unit])))).toEqual([])
    expect(events.filter(({ name }) => name === event.unfilledGap)).toEqual([])
    expect([...watched.telemetry.drops]).toEqual([])
  })
})
