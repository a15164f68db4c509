import { expect } from 'vitest'
import type { Consumer, Receiver, Settings } from '../../src/component/component.js'
import type { Shared } from '../../src/component/shared.js'
import type { RawEvent } from '../../src/data/event.js'
import { runSpanId } from '../../src/lib/systemd/ids.js'
import { attr, event, metric } from '../../src/lib/systemd/names.js'
import { schema } from '../../src/receivers/systemd/config.js'
import { createSystemdReceiver } from '../../src/receivers/systemd/systemd-receiver.js'
import { createTestConfig } from '../../src/testkit/create-test-config.js'
import { MemoryExporter } from '../../src/testkit/memory-exporter.js'
import { RecordingTelemetry, TestHost, testSettings } from '../../src/testkit/test-settings.js'
import { systemClock } from '../../src/util/clock.js'
import { type Lab, waitFor } from '../lab/lab.js'
import { journalFolder } from './journald-support.js'

/** The real receiver, in this process, on the lab's bus. */
export interface Watch {
  readonly exporter: MemoryExporter
  readonly host: TestHost
  readonly telemetry: RecordingTelemetry
  readonly shared: Shared
  /** Events since the last call of `take`, once everything systemd has sent until now has arrived. */
  take(): Promise<RawEvent[]>
  /** Resolves with metrics collected after the call (and after everything `take` has returned). */
  collection(): Promise<void>
  ready(): Promise<void>
  close(): Promise<void>
  /** The account after `close`: what was handed on and what was dropped make up all that was processed. */
  checkLedger(): void
}

/**
 * Starts it; with `wait: false` it may be without a bus.
 *
 * @param through - what stands between the receiver and the exporter
 */
export async function watch(
  lab: Lab,
  written: Record<string, unknown> = {},
  wait = true,
  through = (_settings: Settings, next: Consumer): Consumer => next,
): Promise<Watch> {
  const exporter = new MemoryExporter()
  const host = new TestHost()
  const telemetry = new RecordingTelemetry()
  const settings = testSettings('receiver', 'systemd', { clock: systemClock, random: Math.random, telemetry })
  const history = { directory: journalFolder(lab) }
  const config = createTestConfig(schema, { address: lab.busAddress, batch_timeout: '0s', history, ...written })
  const receiver: Receiver = createSystemdReceiver(settings, config, through(settings, exporter))
  let taken = 0
  let marker = 0
  lab.writeUnit('marker@.service', '[Service]\nType=oneshot\nExecStart=/bin/true\n')
  await receiver.start(host)
  const ready = async (): Promise<void> => {
    await waitFor('the receiver to be ready', () => host.last?.state === 'ok').catch((error: Error) => {
      throw new Error(`${error.message}; it said ${JSON.stringify(host.reports)}`)
    })
  }
  if (wait) await ready()
  return {
    exporter,
    host,
    telemetry,
    shared: settings.shared,
    ready,
    async take() {
      // PID 1 sends in order: once the marker's end is here, all that came before it is.
      const unit = `marker@${process.pid}-${++marker}.service`
      await lab.systemctl('start', unit)
      const isMarker = (one: RawEvent): boolean => String(one.attributes[attr.unit]).startsWith('marker@')
      await waitFor(`the end of ${unit}`, () =>
        exporter.events.some((one) => one.name === event.jobFinished && one.attributes[attr.unit] === unit),
      )
      const events = exporter.events.slice(taken)
      taken = exporter.events.length
      return events.filter((one) => !isMarker(one))
    },
    async collection() {
      // A collection comes in parts, `sourceUp` in the first: all parts of one are there when the next begins. This pipeline
      // takes everything at once, so one that begins now is made now.
      // Each batch is looked at once: of a thousand units there are a million metrics after some minutes.
      const { batches } = exporter
      let [looked, found] = [0, 0]
      const collections = (): number => {
        while (looked < batches.length)
          found += batches[looked++]!.metrics.filter((one) => one.name === metric.sourceUp).length
        return found
      }
      const before = collections()
      await waitFor('a collection', () => collections() > before + 1)
    },
    close: () => receiver.shutdown(),
    checkLedger() {
      const dropped = [...telemetry.drops.values()].reduce((sum, n) => sum + n, 0)
      expect(telemetry.processedItems).toBe(exporter.items + dropped)
      expect(telemetry.gauges.get('pending_items')?.()).toBe(0)
    },
  }
}

/** The event as a golden file holds it: what differs from run to run is checked here and replaced by a name. */
export class Normaliser {
  readonly #runs = new Map<string, string>()
  readonly #pids = new Map<number, string>()
  readonly #jobs = new Map<number, string>()

  normalise(one: RawEvent): Record<string, unknown> {
    const attributes: Record<string, unknown> = {}
    const usecs = new Map<string, number>()
    const unit = one.attributes[attr.unit]
    for (const [name, value] of Object.entries(one.attributes)) {
      // Known from the first reading or the first look on, whichever of them comes in time.
      if (name === attr.slice) expect(value).toMatch(/^system(-[a-z\\]+)?\.slice$/)
      else if (name.endsWith('_usec')) usecs.set(name, checkUsec(name, value))
      else if (name === attr.invocationId) attributes[name] = this.#run(String(value))
      else if (name === attr.mainPid) attributes[name] = named(this.#pids, Number(value), 'pid')
      else if (name === attr.jobId) attributes[name] = named(this.#jobs, Number(value), 'job')
      else attributes[name] = value
    }
    expect(one.resource.attributes['service.name']).toBe(unit ?? 'unitscope')
    expect(one.traceId).toBe(one.attributes[attr.invocationId])
    expect(one.spanId).toBe(one.traceId === undefined ? undefined : runSpanId(one.traceId))
    expect(one.observedTimeUnixNano >= one.timeUnixNano).toBe(true)
    // In a lab nothing takes longer than a minute between PID 1 and us.
    expect(one.observedTimeUnixNano - one.timeUnixNano < 60_000_000_000n).toBe(true)
    const body = one.body.replace(/^job (\d+) /, (_, id: string) => `job ${named(this.#jobs, Number(id), 'job')} `)
    const usec = [...usecs.keys()].map(shortName)
    return {
      name: one.name,
      severity: one.severity,
      time: timeOf(one, usecs),
      body,
      attributes: sorted(attributes),
      usec,
    }
  }

  #run(id: string): string {
    expect(id).toMatch(/^[0-9a-f]{32}$/)
    return named(this.#runs, id, 'run')
  }
}

function named<K>(names: Map<K, string>, key: K, prefix: string): string {
  const name = names.get(key) ?? `${prefix}-${names.size + 1}`
  names.set(key, name)
  return name
}

/** In a lab everything is of the last ten minutes. */
function checkUsec(name: string, value: unknown): number {
  expect(Math.abs(Date.now() / 1000 - Number(value) / 1e6), name).toBeLessThan(600)
  return Number(value)
}

const shortName = (name: string): string => name.replace(/^systemd\.(unit\.|(?=job\.))/, '').slice(0, -'_usec'.length)

/** Which of systemd's timestamps the event's time is. A transition that sets several gives them all the same. */
function timeOf(one: RawEvent, usecs: ReadonlyMap<string, number>): string {
  if (one.timeUnixNano === one.observedTimeUnixNano) return 'observed'
  const same = [...usecs].filter(([name, usec]) => {
    return !name.includes('exec_main') && BigInt(usec) * 1000n === one.timeUnixNano
  })
  return same.length > 0 ? same.map(([name]) => shortName(name)).join(' = ') : 'state_change'
}

function sorted(attributes: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(attributes).sort(([a], [b]) => (a < b ? -1 : 1)))
}

export function isGap(one: RawEvent): boolean {
  return one.name === event.gap
}
