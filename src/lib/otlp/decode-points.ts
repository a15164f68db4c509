import type { AttributeValue } from '../../data/attributes.js'
import type { Exemplar, HistogramPoint, NumberPoint } from '../../data/metric.js'
import { appended, readAttribute, readOptionalId, type Source } from './decode-common.js'

/** A point, from the cursor to `end`. */
export interface PointSource {
  readonly source: Source
  readonly end: number
}

/** A NumberDataPoint; undefined when it has what NumberPoint has no place for: flags, no value, an exemplar of that kind. */
export function readNumberPoint({
  source,
  end,
}: PointSource): { readonly point: NumberPoint; readonly isInt: boolean } | undefined {
  const { cursor } = source
  let startTimeUnixNano = 0n
  let timeUnixNano = 0n
  let value: number | bigint | undefined
  let isInt = false
  let exemplars: Exemplar[] | undefined
  const attributes: Record<string, AttributeValue> = {}
  while (cursor.at < end) {
    switch (cursor.tag(end)) {
      case 17:
        startTimeUnixNano = cursor.fixed64(end)
        break
      case 25:
        timeUnixNano = cursor.fixed64(end)
        break
      case 33:
        value = cursor.double(end)
        isInt = false
        break
      case 42: {
        const exemplar = readExemplar(source, cursor.length(end))
        if (exemplar === undefined) return undefined
        exemplars = appended(exemplars, exemplar)
        break
      }
      case 49:
        value = cursor.fixed64Number(end, true)
        isInt = true
        break
      case 58:
        readAttribute(source, end, attributes)
        break
      case 64:
        if (cursor.varint(end, false) !== 0) return undefined
        break
      default:
        return undefined
    }
  }
  if (value === undefined) return undefined
  const point: Mutable<NumberPoint> = { attributes, timeUnixNano, value }
  if (startTimeUnixNano !== 0n) point.startTimeUnixNano = startTimeUnixNano
  if (exemplars !== undefined) point.exemplars = exemplars
  return { point, isInt }
}

/** A HistogramDataPoint; undefined as for numbers, and without a sum. `invalid`: buckets that do not fit their bounds. */
export function readHistogramPoint({ source, end }: PointSource): HistogramPoint | 'invalid' | undefined {
  const { cursor } = source
  let startTimeUnixNano = 0n
  let timeUnixNano = 0n
  let count: number | bigint = 0
  let sum: number | undefined
  let min: number | undefined
  let max: number | undefined
  let exemplars: Exemplar[] | undefined
  let exact = true
  const bucketCounts: number[] = []
  const bounds: number[] = []
  const attributes: Record<string, AttributeValue> = {}
  const putCount = (to: number): void => {
    const bucket = cursor.fixed64Number(to, false)
    if (typeof bucket === 'bigint') exact = false
    bucketCounts.push(Number(bucket))
  }
  while (cursor.at < end) {
    switch (cursor.tag(end)) {
      case 17:
        startTimeUnixNano = cursor.fixed64(end)
        break
      case 25:
        timeUnixNano = cursor.fixed64(end)
        break
      case 33:
        count = cursor.fixed64Number(end, false)
        break
      case 41:
        sum = cursor.double(end)
        break
      case 49:
        putCount(end)
        break
      case 50:
        for (const to = cursor.length(end); cursor.at < to; ) putCount(to)
        break
      case 57:
        bounds.push(cursor.double(end))
        break
      case 58:
        for (const to = cursor.length(end); cursor.at < to; ) bounds.push(cursor.double(to))
        break
      case 66: {
        const exemplar = readExemplar(source, cursor.length(end))
        if (exemplar === undefined) return undefined
        exemplars = appended(exemplars, exemplar)
        break
      }
      case 74:
        readAttribute(source, end, attributes)
        break
      case 80:
        if (cursor.varint(end, false) !== 0) return undefined
        break
      case 89:
        min = cursor.double(end)
        break
      case 97:
        max = cursor.double(end)
        break
      default:
        return undefined
    }
  }
  if (bucketCounts.length === 0 && bounds.length === 0) bucketCounts.push(Number(count)) // one bucket, of everything
  if (bucketCounts.length !== bounds.length + 1) return 'invalid'
  for (let at = 0; at < bounds.length; at++) if (!(at === 0 || bounds[at]! > bounds[at - 1]!)) return 'invalid'
  if (sum === undefined || typeof count === 'bigint' || !exact) return undefined
  const point: Mutable<HistogramPoint> = {
    attributes,
    startTimeUnixNano,
    timeUnixNano,
    count,
    sum,
    bounds,
    bucketCounts,
  }
  if (exemplars !== undefined) point.exemplars = exemplars
  if (min !== undefined) point.min = min
  if (max !== undefined) point.max = max
  return point
}

/** Undefined when it has no value, or a trace ID that is none: the whole point is kept as it came, then, or refused. */
function readExemplar(source: Source, end: number): Exemplar | undefined {
  const { cursor } = source
  let timeUnixNano = 0n
  let value: number | bigint | undefined
  let traceId: string | undefined
  let spanId: string | undefined
  let attributes: Record<string, AttributeValue> | undefined
  cursor.countPart()
  while (cursor.at < end) {
    switch (cursor.tag(end)) {
      case 17:
        timeUnixNano = cursor.fixed64(end)
        break
      case 25:
        value = cursor.double(end)
        break
      case 34:
        spanId = readOptionalId(source, end, 8)
        break
      case 42:
        traceId = readOptionalId(source, end, 16)
        break
      case 49:
        value = cursor.fixed64Number(end, true)
        break
      case 58:
        attributes ??= {}
        readAttribute(source, end, attributes)
        break
      default:
        return undefined
    }
  }
  if (value === undefined) return undefined
  const exemplar: Mutable<Exemplar> = { timeUnixNano, value }
  if (traceId !== undefined) exemplar.traceId = traceId
  if (spanId !== undefined) exemplar.spanId = spanId
  if (attributes !== undefined) exemplar.attributes = attributes
  return exemplar
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] }
