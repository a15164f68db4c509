import type { Gauge, NumberPoint, Sum } from '../../data/metric.js'
import { readFields } from './protobuf-reader.js'
import type { ProtobufWriter } from './protobuf-writer.js'

/** A state has 8 points, a kind of pressure 6; a longer list is of somebody else's, and takes its time either way. */
const kMaxPoints = 64

/** The bytes of a metric, and where in them its times stand. */
interface Kept {
  readonly type: 'gauge' | 'sum'
  readonly valueType: 'int' | 'double'
  readonly monotonic: boolean
  readonly hasStart: boolean
  readonly bytes: Uint8Array
  /** Where the points begin. A point begins with its times: start, if there is one, and time, a byte of tag and eight each. */
  readonly points: readonly number[]
}

/**
 * Of one name, description and unit: encoded metrics that come again with another time. 1000 units have some 20 different ones, for units that
 * say the same share their lists of points; those are frozen, and found by identity.
 */
export class KeptMetrics {
  #known: WeakMap<readonly NumberPoint[], Kept> | undefined

  /** @returns false when it has to be encoded */
  write(writer: ProtobufWriter, metric: Gauge | Sum): boolean {
    const { timeUnixNano, startTimeUnixNano } = metric
    const kept = this.#known?.get(metric.points)
    if (kept === undefined || timeUnixNano === undefined || !isAlike(kept, metric)) return false
    const from = writer.length
    writer.raw(kept.bytes)
    for (let at = 0; at < kept.points.length; at++) {
      const start = from + kept.points[at]! + 1
      if (startTimeUnixNano !== undefined) writer.fixed64At(start, startTimeUnixNano)
      writer.fixed64At(startTimeUnixNano === undefined ? start : start + 9, timeUnixNano)
    }
    return true
  }

  /** Keeps what was written from a `length` on for this metric, if it may come again. */
  keep(writer: ProtobufWriter, metric: Gauge | Sum, length: number): void {
    const { points, timeUnixNano } = metric
    if (!Object.isFrozen(points) || points.length > kMaxPoints) return
    if (timeUnixNano === undefined || metric.rest !== undefined || !points.every(hasNoTime)) return
    this.#known ??= new WeakMap()
    this.#known.set(points, keptOf(writer.copy(length), metric))
  }
}

function hasNoTime({ timeUnixNano, startTimeUnixNano }: NumberPoint): boolean {
  return timeUnixNano === undefined && startTimeUnixNano === undefined
}

function isAlike(kept: Kept, metric: Gauge | Sum): boolean {
  return (
    kept.type === metric.type &&
    kept.valueType === metric.valueType &&
    kept.monotonic === isMonotonic(metric) &&
    kept.hasStart === (metric.startTimeUnixNano !== undefined) &&
    metric.rest === undefined
  )
}

function isMonotonic(metric: Gauge | Sum): boolean {
  return metric.type === 'sum' && metric.monotonic
}

function keptOf(bytes: Uint8Array, metric: Gauge | Sum): Kept {
  const { type, valueType, startTimeUnixNano } = metric
  // ScopeMetrics.metrics 2, Metric.gauge 5 or sum 7, data_points 1
  const [whole, data] = [2, type === 'gauge' ? 5 : 7]
  const points = fieldsOf(fieldsOf(fieldsOf(bytes, whole)[0]!, data)[0]!, 1)
  return {
    type,
    valueType,
    monotonic: isMonotonic(metric),
    hasStart: startTimeUnixNano !== undefined,
    bytes,
    points: points.map(({ byteOffset }) => byteOffset - bytes.byteOffset),
  }
}

/** Messages of that number, each a view of the bytes given. */
function fieldsOf(bytes: Uint8Array, number: number): readonly Uint8Array[] {
  return readFields(bytes)!.flatMap((field) =>
    field.number === number && typeof field.value === 'object' ? [field.value] : [],
  )
}
