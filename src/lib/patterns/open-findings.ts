import type { Settings } from '../../component/component.js'
import type { Concern } from '../../component/concern.js'
import { batchOf } from '../../data/batch.js'
import { type RawEvent, Severity } from '../../data/event.js'
import type { Metric } from '../../data/metric.js'
import type { Timer } from '../../util/clock.js'
import type { Outbox } from '../handover/outbox.js'
import { patternAttr, patternMetric } from './detection-event.js'
import type { Detection, Detector, OpenFinding } from './detector.js'
import { keyOf, LastWords } from './last-words.js'
import type { SteadyTime } from './steady-time.js'
import { timeWords } from './words.js'

/** So often it is said again: an exporter takes a series that was not heard of for minutes for gone. */
const kRepeatMs = 30_000
/** Two points each, and as many endings: that much has room beside half of a full outbox. */
const kMaxTold = 1024

/** What a finding tells of is a state, too: gauges say which patterns are open, to whoever has missed the event. */
export class OpenFindings {
  readonly #settings: Settings
  readonly #pattern: string
  readonly #detector: Detector
  readonly #outbox: Outbox
  readonly #time: SteadyTime
  readonly #words = new LastWords()
  #told = new Map<string, OpenFinding>()
  #timer: Timer | undefined
  #closed = false

  constructor(settings: Settings, pattern: string, detector: Detector, outbox: Outbox, time: SteadyTime) {
    this.#settings = settings
    this.#pattern = pattern
    this.#detector = detector
    this.#outbox = outbox
    this.#time = time
  }

  /** Something was found, or read back: what is new, and what has ended as 0, once. To be sent with it. */
  changed(): readonly Metric[] {
    const metrics = this.#collect(false)
    this.#keepTelling()
    return metrics
  }

  /** `event` says it. */
  heard(detection: Detection, event: RawEvent): void {
    this.#words.hear(detection, event)
  }

  /** What is open, in the words in which it was told last; of what was read back, in as many as there are. */
  *concerns(): Generator<Concern> {
    for (const finding of this.#detector.openFindings?.() ?? []) {
      const { unit, kind, expectedMs, sinceMs } = finding
      const said = this.#words.of(finding)
      const sinceUnixNano = sinceMs === undefined ? said?.firstNano : this.#time.unixNano(sinceMs)
      const whose = unit.name === '' ? 'this machine' : unit.name
      const text = said?.newest.body ?? `${whose}: ${this.#pattern} (${kind}), found before the agent began`
      // What is said of it, "in about 2 h", is of when it was told.
      const due = isDate(expectedMs) ? `; due ${timeWords(BigInt(Math.round(expectedMs)) * 1_000_000n)}` : ''
      yield {
        kind: 'pattern',
        // Not known: nobody is to sleep on because of that.
        severity: said?.newest.severity ?? Severity.error,
        resource: unit.resource,
        text: text + due,
        ...(sinceUnixNano === undefined ? {} : { sinceUnixNano }),
        ...(said === undefined ? {} : { saidUnixNano: said.newest.timeUnixNano }),
        attributes: { ...said?.newest.attributes, ...this.#attributes(kind) },
      }
    }
  }

  close(): void {
    this.#closed = true
    this.#timer?.cancel()
  }

  #collect(all: boolean): readonly Metric[] {
    if (this.#detector.openFindings === undefined || !this.#outbox.isRoomy) return []
    const timeUnixNano = this.#time.unixNano(this.#time.nowMs + this.#time.idleMs)
    const open = new Map<string, OpenFinding>()
    const metrics: Metric[] = []
    for (const finding of this.#detector.openFindings()) {
      if (open.size >= kMaxTold) break
      const key = keyOf(finding)
      const told = this.#told.get(key)
      open.set(key, finding)
      if (!all && told !== undefined && told.expectedMs === finding.expectedMs) continue
      metrics.push(this.#isOpen(finding, 1, timeUnixNano))
      if (finding.expectedMs !== undefined) metrics.push(this.#expected(finding, finding.expectedMs, timeUnixNano))
    }
    // Told of once more: who reads gauges would take the last value for true.
    for (const [key, finding] of this.#told) if (!open.has(key)) metrics.push(this.#isOpen(finding, 0, timeUnixNano))
    this.#told = open
    this.#words.retain(open)
    return metrics
  }

  /** As long as something is open. */
  #keepTelling(): void {
    const isWanted = !this.#closed && (this.#told.size > 0 || (this.#detector.open ?? 0) > 0)
    if (isWanted) this.#timer ??= this.#settings.clock.every(kRepeatMs, () => this.#repeat())
    else {
      this.#timer?.cancel()
      this.#timer = undefined
    }
  }

  #repeat(): void {
    this.#outbox.push(batchOf({ metrics: this.#collect(true) }))
    this.#keepTelling()
  }

  #isOpen({ unit, kind }: OpenFinding, value: 0 | 1, timeUnixNano: bigint): Metric {
    return {
      type: 'gauge',
      valueType: 'int',
      name: patternMetric.open,
      unit: '{pattern}',
      description: 'A pattern that is open: 1, and 0 when it is over.',
      resource: unit.resource,
      points: [{ attributes: this.#attributes(kind), timeUnixNano, value }],
    }
  }

  #expected({ unit, kind }: OpenFinding, expectedMs: number, timeUnixNano: bigint): Metric {
    return {
      type: 'gauge',
      valueType: 'double',
      name: patternMetric.expectedTime,
      unit: 's',
      description: 'When that will happen of which a pattern tells, since 1970.',
      resource: unit.resource,
      points: [{ attributes: this.#attributes(kind), timeUnixNano, value: Math.round(expectedMs) / 1000 }],
    }
  }

  #attributes(kind: string): Metric['points'][number]['attributes'] {
    return { [patternAttr.name]: this.#pattern, [patternAttr.kind]: kind }
  }
}

/** Slow growth meets its limit in a year that no calendar has. */
function isDate(unixMs: number | undefined): unixMs is number {
  return unixMs !== undefined && !Number.isNaN(new Date(unixMs).getTime())
}
