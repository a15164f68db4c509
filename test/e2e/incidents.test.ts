import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Component } from '../../src/component/component.js'
import { Shared } from '../../src/component/shared.js'
import type { RawEvent } from '../../src/data/event.js'
import { incidentEvent } from '../../src/lib/incidents/names.js'
import { attr, event as names } from '../../src/lib/systemd/names.js'
import { schema as incidentSchema } from '../../src/processors/incident/config.js'
import { createIncident } from '../../src/processors/incident/incident.js'
import { schema as systemdSchema } from '../../src/receivers/systemd/config.js'
import { createSystemdReceiver } from '../../src/receivers/systemd/systemd-receiver.js'
import { createTestConfig } from '../../src/testkit/create-test-config.js'
import { MemoryExporter } from '../../src/testkit/memory-exporter.js'
import { RecordingTelemetry, TestHost, testSettings } from '../../src/testkit/test-settings.js'
import { systemClock } from '../../src/util/clock.js'
import { describeLab } from '../lab/describe-lab.js'
import { bootLab, type Lab, waitFor } from '../lab/lab.js'
import { incidentScenarios, type Noted } from './incident-scenarios.js'

// systemd receiver -> incident -> memory, against a real systemd: exactly the incidents that a person would see.

describeLab('incidents of a real systemd', () => {
  let lab: Lab
  let parts: readonly Component[]
  let marks = 0
  const seen = new MemoryExporter()
  const telemetry = new RecordingTelemetry()

  beforeAll(async () => {
    lab = await bootLab()
    for (const { units } of incidentScenarios)
      for (const [name, text] of Object.entries(units)) lab.writeUnit(name, text)
    // An active target keeps loaded what it names, so that their configuration is known when they fail.
    const all = incidentScenarios.flatMap(({ units }) => Object.keys(units))
    lab.writeUnit('holder.target', `[Unit]\nAfter=${all.join(' ')}\n`)
    lab.writeUnit('mark@.service', '[Service]\nType=oneshot\nExecStart=/bin/false\n')
    await lab.daemonReload()
    await lab.systemctl('start', 'dbus.service', 'holder.target')
    const shared = new Shared()
    const settings = (kind: 'receiver' | 'processor', type: string) =>
      testSettings(kind, type, { clock: systemClock, random: Math.random, telemetry, shared })
    // A unit that gets no CPU to crash again has not recovered by that.
    const quick = { grouping_window: '500ms', healthy_time: '3s', update_interval: '0s' }
    const incidents = createIncident(settings('processor', 'incident'), createTestConfig(incidentSchema, quick), seen)
    const config = createTestConfig(systemdSchema, {
      address: lab.busAddress,
      batch_timeout: '0s',
      collection_interval: '1s',
    })
    const receiver = createSystemdReceiver(settings('receiver', 'systemd'), config, incidents)
    parts = [receiver, incidents]
    const host = new TestHost()
    await incidents.start(host)
    await receiver.start(host)
    await waitFor('the receiver to be ready', () => host.last?.state === 'ok')
  })
  afterAll(async () => {
    for (const part of parts ?? []) await part.shutdown()
    await lab?.close()
  })

  /** Fails one more unit: when its incident was told of, so was that of every failure before. */
  async function settled(): Promise<void> {
    const unit = `mark@${++marks}.service`
    await lab.exec(['systemctl', 'start', unit], { allowFailure: true })
    await waitFor(`the incident of ${unit}`, () =>
      seen.events.some(({ name, attributes }) => name === incidentEvent.opened && attributes[attr.unit] === unit),
    )
  }

  for (const { name, run, incidents: expected } of incidentScenarios) {
    it(name, async () => {
      const from = seen.events.length
      await run(lab)
      await settled()
      const noted = (): readonly Noted[] => note(seen.events.slice(from))
      // What is resolved is so after the healthy time.
      await waitFor('the ends', () => {
        const ends = noted().map(({ root, end }) => `${root} ${end}`)
        return expected.every(({ root, end }) => ends.includes(`${root} ${end}`))
      }).catch(() => {}) // what is missing, the comparison says better
      await settled()
      expect(noted()).toEqual(expected)
    })
  }

  it('every event of a unit in an incident bears its ID, from the first failure on', () => {
    const failures = seen.events.filter(({ name }) => name === names.failed)
    const told = new Set(seen.events.filter(({ name }) => name === incidentEvent.opened).map(({ traceId }) => traceId))
    const bearing = failures.filter(({ attributes }) => told.has(String(attributes[attr.incidentId])))
    // Those that did not take well that a job stopped them have none.
    const others = failures.filter((one) => !bearing.includes(one)).map(({ attributes }) => attributes[attr.unit])
    expect(others).toEqual(['day.service', 'grumpy.service'])
  })

  it('has dropped nothing on the way', () => {
    expect([...telemetry.drops]).toEqual([])
  })
})

/** The incidents as they were last told of, without the marks'. */
function note(events: readonly RawEvent[]): readonly Noted[] {
  const byId = new Map<string, Noted>()
  const words = (value: unknown): string[] => [...(value as readonly string[])].sort()
  for (const { name, attributes } of events) {
    if (!name.startsWith('incident.') || String(attributes[attr.unit]).startsWith('mark@')) continue
    byId.set(String(attributes[attr.incidentId]), {
      root: String(attributes[attr.incidentRootCause]),
      reason: String(attributes[attr.incidentReason]),
      failed: words(attributes[attr.incidentFailed]),
      takenDown: words(attributes[attr.incidentTakenDown]),
      end: (attributes[attr.incidentResolution] ?? attributes[attr.incidentState]) as Noted['end'],
      failures: Number(attributes[attr.incidentFailures]),
    })
  }
  return [...byId.values()].sort((a, b) => (a.root < b.root ? -1 : 1))
}
