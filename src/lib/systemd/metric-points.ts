import type { Attributes } from '../../data/attributes.js'
import type { Metric, NumberPoint } from '../../data/metric.js'
import type { Resource } from '../../data/resource.js'

/** Shared by the points of all units: whoever keeps points keeps these once. */
export const none: Attributes = Object.freeze({})

export function counts(
  name: string,
  unit: string,
  description: string,
  resource: Resource,
  points: NumberPoint[],
): Metric {
  return { type: 'sum', monotonic: true, valueType: 'int', name, unit, description, resource, points }
}

export function gauge(
  name: string,
  unit: string,
  description: string,
  resource: Resource,
  points: NumberPoint[],
  valueType: 'int' | 'double' = 'int',
): Metric {
  return { type: 'gauge', valueType, name, unit, description, resource, points }
}

export function point(attributes: NumberPoint['attributes'], timeUnixNano: bigint, value: number): NumberPoint {
  return { attributes, timeUnixNano, value }
}

export function sumPoint(
  attributes: NumberPoint['attributes'],
  sinceNs: bigint,
  nowNs: bigint,
  value: number,
): NumberPoint {
  return { attributes, startTimeUnixNano: sinceNs, timeUnixNano: nowNs, value }
}
