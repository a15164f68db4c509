import type { Host, Settings } from '../component/component.js'
import type { Concern } from '../component/concern.js'
import { type Kind, parseComponentId } from '../component/id.js'
import { silentLogger } from '../component/logger.js'
import { Shared } from '../component/shared.js'
import type { Status } from '../component/status.js'
import type { ComponentTelemetry, Tracer } from '../component/telemetry.js'
import type { Items } from '../data/batch.js'
import { ResourcePool } from '../data/resource.js'
import { Tally, totalOf } from '../data/tally.js'
import { hostAttributes } from '../util/host.js'
import { FakeClock } from './fake-clock.js'

/** Telemetry that a test can read back. */
export class RecordingTelemetry implements ComponentTelemetry {
  /** What `drops` and the items of all signals below add up to. */
  readonly bySignal = { processed: new Tally(), produced: new Tally(), dropped: new Tally() }
  readonly drops = new Map<string, number>()
  readonly errors = new Map<string, number>()
  readonly counters = new Map<string, number>()
  readonly gauges = new Map<string, () => number>()
  readConcerns: () => Iterable<Concern> = () => []
  tracer: Tracer | undefined = undefined
  #queued: () => Items = () => ({})

  get processedItems(): number {
    return this.bySignal.processed.total
  }
  get producedItems(): number {
    return this.bySignal.produced.total
  }
  /** What its queue says it holds, by signal. */
  get queued(): Items {
    return this.#queued()
  }

  processed(items: Items): void {
    this.bySignal.processed.add(items)
  }
  produced(items: Items): void {
    this.bySignal.produced.add(items)
  }
  dropped(items: Items, reason: string): void {
    const total = totalOf(items)
    if (total === 0) return
    this.bySignal.dropped.add(items)
    this.drops.set(reason, (this.drops.get(reason) ?? 0) + total)
  }
  error(reason: string): void {
    this.errors.set(reason, (this.errors.get(reason) ?? 0) + 1)
  }
  durationMs(): void {}
  concerns(read: () => Iterable<Concern>): void {
    this.readConcerns = read
  }
  counter(name: string): (add: number) => void {
    return (add) => void this.counters.set(name, (this.counters.get(name) ?? 0) + add)
  }
  gauge(name: string, _description: string, _unit: string, read: () => number | Items): void {
    this.gauges.set(name, () => {
      const value = read()
      return typeof value === 'number' ? value : totalOf(value)
    })
    if (name === 'queue_items') this.#queued = () => Tally.of(read() as Items)
  }
}

/** Settings with a standing clock and a seeded random source: a component under test reaches nothing real. */
export function testSettings(kind: Kind, id: string, part: Partial<Settings> = {}) {
  const componentId = parseComponentId(kind, id)
  if (componentId === undefined) throw new Error(`not a component id: ${id}`)
  return {
    id: componentId,
    logger: silentLogger,
    telemetry: new RecordingTelemetry(),
    clock: new FakeClock(),
    random: seededRandom(1),
    resources: new ResourcePool(hostAttributes()),
    shared: new Shared(),
    ...part,
  }
}

/** A host that remembers every status reported. */
export class TestHost implements Host {
  readonly reports: Status[] = []
  report(status: Status): void {
    this.reports.push(status)
  }
  get last(): Status | undefined {
    return this.reports.at(-1)
  }
}

/** mulberry32: small, fast, good enough to vary tests; print the seed when a test fails. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}
