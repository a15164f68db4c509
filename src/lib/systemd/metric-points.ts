import type { Attributes } from '../../data/attributes.js'
import type { Metric, NumberPoint } from '../../data/metric.js'
import type { Resource } from '../../data/resource.js'

/** Shared by the points of all units: whoever keeps points keeps these once. */
export const none: Attributes = Object.freeze({})

/** Since when a sum counts, and until when. */
export interface Period {
  readonly sinceNs: bigint
  readonly nowNs: bigint
}

export function counts(
  name: string,
  unit: string,
  description: string,
  resource: Resource,
  period: Period,
  points: readonly NumberPoint[],
): Metric {
  return sum(true, name, unit, description, resource, period, points)
}

/** A sum that may fall: how many are in a state. */
export function upDownCounts(
  name: string,
  unit: string,
  description: string,
  resource: Resource,
  period: Period,
  points: readonly NumberPoint[],
): Metric {
  return sum(false, name, unit, description, resource, period, points)
}

function sum(
  monotonic: boolean,
  name: string,
  unit: string,
  description: string,
  resource: Resource,
  { sinceNs, nowNs }: Period,
  points: readonly NumberPoint[],
): Metric {
  return {
    type: 'sum',
    monotonic,
    valueType: 'int',
    name,
    unit,
    description,
    resource,
    startTimeUnixNano: sinceNs,
    timeUnixNano: nowNs,
    points,
  }
}

export function gauge(
  name: string,
  unit: string,
  description: string,
  resource: Resource,
  nowNs: bigint,
  points: readonly NumberPoint[],
  valueType: 'int' | 'double' = 'int',
): Metric {
  return { type: 'gauge', valueType, name, unit, description, resource, timeUnixNano: nowNs, points }
}

export function point(attributes: Attributes, value: number): NumberPoint {
  return { attributes, value }
}

/** Most units say 0 or 1, and restarts are few. */
const kSharedNumbers = 64
const numbers = Array.from({ length: kSharedNumbers }, (_, value) => Object.freeze([point(none, value)]))

/** The one point of a metric without attributes; one list for all that say the same small number. */
export function onePoint(value: number): readonly NumberPoint[] {
  return numbers[value] ?? [point(none, value)]
}

/** For each of these attributes the points that say 1 there and 0 at all others, and last those that say 0 at all: `oneOf`. */
export function eachOf(attributes: readonly Attributes[]): readonly (readonly NumberPoint[])[] {
  return [...attributes, undefined].map((is) => Object.freeze(attributes.map((one) => point(one, one === is ? 1 : 0))))
}
