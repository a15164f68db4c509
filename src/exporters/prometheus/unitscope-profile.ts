import type { Exemplar, HistogramPoint } from '../../data/metric.js'
import { bucketBound } from '../../lib/openmetrics/exposition.js'
import type { Family, Labels, Sample } from '../../lib/openmetrics/family.js'
import { prometheusName } from '../../lib/openmetrics/names.js'
import { flatMapped, type Pausable } from '../../util/pausable.js'
import { attributeLabels, identityLabels, isHistogram, mergeLabels, remainingLabels, withExemplar } from './profile.js'
import type { MetricHead, StoreView } from './series-store.js'
import type { Series } from './stored-series.js'

/**
 * Every metric under its OpenTelemetry name as Prometheus spells it, `target_info` with the resources' attributes, and
 * `unitscope_events_total` for the events.
 */
export function* unitscopeProfile(store: StoreView): Pausable<readonly Family[]> {
  const families: Family[] = []
  const resources = new Map<string, Sample>()
  for (const { head, series } of store.metrics()) {
    const list = [...series]
    families.push(yield* familyOf(head, list))
    yield* flatMapped(list, ({ resource }) => {
      if (resources.has(resource.key)) return []
      const labels = mergeLabels(identityLabels(resource), remainingLabels(resource))
      resources.set(resource.key, { suffix: '_info', labels, value: 1 })
      return []
    })
  }
  return [...infoFamily(yield* entities([...resources.values()])), ...(yield* eventFamily(store)), ...families]
}

/**
 * Two resources may describe one entity, one of them in more detail: the receivers' host and the agent itself, which knows its
 * version, too. Who joins `target_info` needs one line of each, so the fuller one stays.
 */
function* entities(samples: readonly Sample[]): Pausable<readonly Sample[]> {
  const hosts = samples.filter(({ labels }) => !labels.some(([name]) => name === 'unit'))
  const text = (labels: Labels): Set<string> => new Set(labels.map((label) => label.join('=')))
  const known = hosts.slice(0, kMaxCompared).map(({ labels }) => text(labels))
  return yield* flatMapped(samples, (sample) => {
    const { labels } = sample
    if (labels.some(([name]) => name === 'unit')) return [sample]
    const fuller = known.some((other) => other.size > labels.length && [...text(labels)].every((one) => other.has(one)))
    return fuller ? [] : [sample]
  })
}

function infoFamily(samples: readonly Sample[]): readonly Family[] {
  const help = 'What is known of each observed entity; join it by the labels they share'
  return samples.length === 0 ? [] : [{ name: 'target', type: 'info', help, samples }]
}

function* eventFamily(store: StoreView): Pausable<readonly Family[]> {
  const samples = yield* flatMapped([...store.events()], (event): readonly Sample[] => [
    {
      suffix: '_total',
      labels: [['event', event.name], ...identityLabels(event.resource)],
      value: event.count,
      ...withExemplar(event.exemplar === undefined ? undefined : [event.exemplar]),
    },
  ])
  const help = 'Events seen since the agent started, by name and unit'
  return samples.length === 0 ? [] : [{ name: 'unitscope_events', type: 'counter', help, samples }]
}

/** Entities that are no units are the agent, the host, and what an agent is sent by others: few, else it is not worth the time. */
const kMaxCompared = 16

/** Prometheus wants seconds; promtool refuses anything finer. */
const secondsPer: Readonly<Record<string, number>> = { ms: 1e-3, us: 1e-6, ns: 1e-9 }

function* familyOf(head: MetricHead, list: readonly Series[]): Pausable<Family> {
  const scale = secondsPer[head.unit]
  const kind = head.type === 'counter' ? 'counter' : head.type === 'gauge' && !head.isSum ? 'gauge' : 'other'
  const { name, unit } =
    scale === undefined
      ? prometheusName(head.name, head.unit, kind)
      : prometheusName(head.name.replace(/[._](ms|us|ns|milliseconds|microseconds|nanoseconds)$/, ''), 's', kind)
  return {
    name,
    type: head.type,
    help: head.description || head.name,
    ...(unit === '' ? {} : { unit }),
    samples: yield* flatMapped(list, (series) => samplesOf(head, series, scale)),
  }
}

function samplesOf(head: MetricHead, { resource, point }: Series, scale: number | undefined): readonly Sample[] {
  const labels = mergeLabels(identityLabels(resource), attributeLabels(point.attributes))
  if (isHistogram(point)) return histogramSamples(labels.map(ownLe), point, scale ?? 1)
  const value = scale === undefined ? point.value : Number(point.value) * scale
  if (head.type !== 'counter') return [{ suffix: '', labels, value }]
  return [{ suffix: '_total', labels, value, ...withExemplar(point.exemplars?.map((e) => scaled(e, scale ?? 1))) }]
}

/** `le` is the bucket's; twice in one label set it would fail the scrape. Prometheus itself gives way by this prefix. */
function ownLe(label: Labels[number]): Labels[number] {
  return label[0] === 'le' ? ['exported_le', label[1]] : label
}

function histogramSamples(labels: Labels, point: HistogramPoint, scale: number): readonly Sample[] {
  const samples: Sample[] = []
  let cumulative = 0
  for (let index = 0; index <= point.bounds.length; index++) {
    const below = index === 0 ? Number.NEGATIVE_INFINITY : point.bounds[index - 1]!
    const bound = point.bounds[index] ?? Number.POSITIVE_INFINITY
    cumulative += point.bucketCounts[index] ?? 0
    const inBucket = point.exemplars?.filter(({ value }) => value > below && value <= bound)
    samples.push({
      suffix: '_bucket',
      labels: [...labels, ['le', bucketBound(trim(bound * scale))]],
      value: cumulative,
      ...withExemplar(inBucket?.map((e) => scaled(e, scale))),
    })
  }
  samples.push({ suffix: '_count', labels, value: point.count }, { suffix: '_sum', labels, value: point.sum * scale })
  return samples
}

/** 5 ms is 0.005 s, not 0.005000000000000001: a bound is a label, so its digits matter. */
function trim(seconds: number): number {
  return Number.isFinite(seconds) ? Number(seconds.toPrecision(12)) : seconds
}

function scaled(exemplar: Exemplar, scale: number): Exemplar {
  return scale === 1 ? exemplar : { ...exemplar, value: exemplar.value * scale }
}
