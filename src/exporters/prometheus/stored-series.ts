import type { Attributes } from '../../data/attributes.js'
import type { Exemplar, HistogramPoint, NumberPoint } from '../../data/metric.js'
import type { Resource } from '../../data/resource.js'

/** The newest point of one series. */
export interface Series {
  readonly resource: Resource
  readonly point: NumberPoint | HistogramPoint
  readonly updatedMs: number
}

/** A series that is kept: it takes a newer point's numbers over, and not the point, which is garbage while it is young. */
export interface StoredSeries extends Series {
  /** Takes the point, unless it was overtaken. The resource is another object where it was forgotten and made anew. */
  update(resource: Resource, point: NumberPoint | HistogramPoint, nowMs: number): void
}

export function storedSeries(resource: Resource, point: NumberPoint | HistogramPoint, nowMs: number): StoredSeries {
  return 'bounds' in point ? new HistogramSeries(resource, point, nowMs) : new NumberSeries(resource, point, nowMs)
}

/** Some 100 bytes; a host of 10,000 units has 120,000 of these. */
class NumberSeries implements StoredSeries {
  resource: Resource
  updatedMs: number
  readonly #attributes: Attributes
  #startTimeUnixNano: bigint | undefined
  #timeUnixNano: bigint
  #value: number | bigint
  #exemplars: readonly Exemplar[] | undefined

  constructor(resource: Resource, point: NumberPoint, nowMs: number) {
    this.resource = resource
    this.updatedMs = Math.trunc(nowMs) // a fraction would be an object of its own
    this.#attributes = point.attributes
    this.#startTimeUnixNano = point.startTimeUnixNano
    this.#timeUnixNano = point.timeUnixNano
    this.#value = point.value
    this.#exemplars = point.exemplars
  }

  get point(): NumberPoint {
    return {
      attributes: this.#attributes,
      timeUnixNano: this.#timeUnixNano,
      value: this.#value,
      ...(this.#startTimeUnixNano === undefined ? {} : { startTimeUnixNano: this.#startTimeUnixNano }),
      ...(this.#exemplars === undefined ? {} : { exemplars: this.#exemplars }),
    }
  }

  update(resource: Resource, point: NumberPoint | HistogramPoint, nowMs: number): void {
    if ('bounds' in point || isOvertaken(point.timeUnixNano, this.#timeUnixNano, nowMs - this.updatedMs)) return
    this.resource = resource
    this.updatedMs = Math.trunc(nowMs)
    this.#startTimeUnixNano = point.startTimeUnixNano
    this.#timeUnixNano = point.timeUnixNano
    this.#value = point.value
    // A scraper that comes every 15 s must still find the exemplar of a point replaced 5 s ago.
    this.#exemplars = point.exemplars ?? this.#exemplars
  }
}

/** The agent's own durations: few, so the point is kept as it is. */
class HistogramSeries implements StoredSeries {
  resource: Resource
  point: HistogramPoint
  updatedMs: number

  constructor(resource: Resource, point: HistogramPoint, nowMs: number) {
    this.resource = resource
    this.point = point
    this.updatedMs = nowMs
  }

  update(resource: Resource, point: NumberPoint | HistogramPoint, nowMs: number): void {
    const before = this.point
    if (!('bounds' in point) || isOvertaken(point.timeUnixNano, before.timeUnixNano, nowMs - this.updatedMs)) return
    this.resource = resource
    this.updatedMs = nowMs
    const { exemplars } = before
    this.point = point.exemplars !== undefined || exemplars === undefined ? point : { ...point, exemplars }
  }
}

/** How far batches may overlap: two pipelines, or a retry. */
const kOverlapMs = 10_000
const kOverlapNano = BigInt(kOverlapMs) * 1_000_000n

/**
 * Batches may overtake each other; then the newest measurement stays. A point that is older by more than batches overlap,
 * or that comes when they no longer can, was measured after the clock was set back: it is the newer one.
 *
 * @param sinceMs - how long ago the known point came
 */
function isOvertaken(timeUnixNano: bigint, knownUnixNano: bigint, sinceMs: number): boolean {
  return timeUnixNano < knownUnixNano && knownUnixNano - timeUnixNano < kOverlapNano && sinceMs < kOverlapMs
}
