import { deviceWords, fieldAt, fieldsBelow, ioDevices } from '../../binding/cgroup-layout.js'
import type { CgroupNumbers } from '../../binding/cgroup-source.js'
import type { Attributes } from '../../data/attributes.js'
import type { Metric, NumberPoint } from '../../data/metric.js'
import { none, onePoint } from '../../lib/systemd/metric-points.js'
import { metric as names } from '../../lib/systemd/names.js'
import { deviceAttributes } from './device-attributes.js'
import { type Subject, startOf } from './subjects.js'

/** A point of a metric: a field of the row, by which number it is divided, and its attributes, shared by all cgroups. */
interface Place {
  readonly field: number
  readonly per: number
  readonly attributes: Attributes
}

/** A metric of a cgroup before it has numbers. */
interface Plan {
  readonly type: 'sum' | 'gauge'
  readonly valueType: 'int' | 'double'
  readonly name: string
  readonly unit: string
  readonly description: string
  /** Points lead to the trace of the run. */
  readonly exemplars: boolean
  readonly places: readonly Place[]
  /** Its points where all are 0, which most of most cgroups are: one list for all of them. */
  readonly zeros: readonly NumberPoint[]
}

const kUsecPerSecond = 1e6
/** Hundredths of a percent. */
const kParts = 1e4

const place = (field: string, attributes: Attributes = none, per = 1): Place => ({
  field: fieldAt(field),
  per,
  attributes: Object.freeze(attributes),
})
const keyed = (attribute: string, group: string): readonly Place[] =>
  fieldsBelow(group).map(([key, field]) => ({ field, per: 1, attributes: Object.freeze({ [attribute]: key }) }))
const pressures = (kind: 'Total' | 'Avg10', per: number): readonly Place[] =>
  (['cpu', 'memory', 'io'] as const).flatMap((resource) =>
    (['some', 'full'] as const).map((who) =>
      place(
        `${resource}Pressure.${who}${kind}`,
        { 'systemd.pressure.resource': resource, 'systemd.pressure.kind': who },
        per,
      ),
    ),
  )

type Text = readonly [name: string, unit: string, description: string]

function plan(type: Plan['type'], valueType: Plan['valueType']) {
  return ([name, unit, description]: Text, places: readonly Place[], { exemplars = false } = {}): Plan => ({
    type,
    valueType,
    name,
    unit,
    description,
    exemplars,
    places,
    zeros: Object.freeze(places.map(({ attributes }) => ({ attributes, value: 0 }))),
  })
}
const count = plan('sum', 'int')
const total = plan('sum', 'double')
const amount = plan('gauge', 'int')
const ratio = plan('gauge', 'double')

const withExemplars = { exemplars: true }

/** In the order in which they are told. */
const plans: readonly Plan[] = [
  total(
    [names.cpuTime, 's', 'CPU time used.'],
    [
      place('cpuUserUsec', { 'cpu.mode': 'user' }, kUsecPerSecond),
      place('cpuSystemUsec', { 'cpu.mode': 'system' }, kUsecPerSecond),
    ],
    withExemplars,
  ),
  total(
    [names.cpuThrottledTime, 's', 'Time the unit wanted to run but its CPU quota was used up.'],
    [place('cpuThrottledUsec', none, kUsecPerSecond)],
  ),
  count(
    [names.cpuThrottledPeriods, '{period}', 'Quota periods in which the unit was throttled.'],
    [place('cpuThrottledPeriods')],
  ),
  amount([names.memoryUsage, 'By', 'Memory in use, page cache included.'], [place('memoryCurrent')], withExemplars),
  amount([names.memoryPeak, 'By', 'Most memory ever in use.'], [place('memoryPeak')]),
  amount([names.memoryLimit, 'By', 'Hard limit on memory (MemoryMax=); none when unlimited.'], [place('memoryMax')]),
  amount(
    [names.memoryHigh, 'By', 'Limit past which the unit is slowed down (MemoryHigh=); none when unlimited.'],
    [place('memoryHigh')],
  ),
  amount([names.memorySwap, 'By', 'Swap in use.'], [place('memorySwapCurrent')]),
  amount([names.memoryStat, 'By', 'What the memory is used for.'], keyed('systemd.memory.kind', 'memoryStat')),
  count(
    [names.memoryEvents, '{event}', 'Times a memory limit was met, and processes killed for it.'],
    keyed('systemd.memory.event', 'memoryEvents'),
    withExemplars,
  ),
  count(
    [names.memoryEventsLocal, '{event}', 'The same without what lies below the unit.'],
    keyed('systemd.memory.event', 'memoryEventsLocal'),
  ),
  count([names.ioBytes, 'By', 'Bytes read from and written to block devices.'], []),
  count([names.ioOperations, '{operation}', 'Reads from and writes to block devices.'], []),
  amount([names.pids, '{process}', 'Tasks: processes and their threads.'], [place('pidsCurrent')]),
  amount([names.pidsLimit, '{process}', 'Limit on tasks; none when unlimited.'], [place('pidsMax')]),
  count(
    [names.pidsEvents, '{event}', 'Times the limit on tasks was met: forks that failed.'],
    keyed('systemd.pids.event', 'pidsEvents'),
  ),
  total(
    [names.pressureTime, 's', 'Time in which some, or all, tasks of the unit waited for the resource (PSI).'],
    pressures('Total', kUsecPerSecond),
  ),
  ratio(
    [names.pressureRatio, '1', 'Share of the last 10 s in which some, or all, tasks waited for the resource (PSI).'],
    pressures('Avg10', kParts),
  ),
  ratio([names.cgroupPopulated, '1', '1 while the unit has processes, 0 when it has none.'], [place('populated')]),
  ratio([names.cgroupFrozen, '1', '1 while the unit is frozen, 0 when it is not.'], [place('frozen')]),
]

/** What is told of block devices: where in a device's words its first number stands. */
const deviceWord: Readonly<Record<string, number>> = { [names.ioBytes]: 2, [names.ioOperations]: 4 }

/**
 * Adds one reading's metrics to `out`. What the reading does not have gives no point, and a metric without points is left out:
 * absent is never zero. This is done for each cgroup at each interval, so nothing is made that is not handed on.
 *
 * @returns how many points
 */
export function sampleMetrics(out: Metric[], numbers: CgroupNumbers, subject: Subject, nowNs: bigint): number {
  const { resource, run } = subject
  const { words, at } = numbers
  const startNs = startOf(subject.since, nowNs)
  let added = 0
  for (const { type, valueType, name, unit, description, exemplars, places, zeros } of plans) {
    const points =
      places.length === 0
        ? devicePoints(numbers, deviceWord[name]!)
        : areZero(places, words, at)
          ? zeros
          : pointsOf(places, words, at, nowNs, exemplars ? run : undefined)
    if (points === undefined) continue
    added += points.length
    const timeUnixNano = nowNs
    if (type === 'gauge') out.push({ type, valueType, name, unit, description, resource, timeUnixNano, points })
    else
      out.push({
        type,
        monotonic: true,
        valueType,
        name,
        unit,
        description,
        resource,
        startTimeUnixNano: startNs,
        timeUnixNano,
        points,
      })
  }
  return added
}

function areZero(places: readonly Place[], words: Float64Array, at: number): boolean {
  for (let n = 0; n < places.length; n++) if (words[at + places[n]!.field] !== 0) return false
  return true
}

function pointsOf(
  places: readonly Place[],
  words: Float64Array,
  at: number,
  nowNs: bigint,
  run: Subject['run'],
): readonly NumberPoint[] | undefined {
  let points: NumberPoint[] | undefined
  let length = 0
  for (let n = 0; n < places.length; n++) {
    const { field, per, attributes } = places[n]!
    const value = words[at + field]! / per
    if (Number.isNaN(value)) continue
    if (places.length === 1 && run === undefined && attributes === none) return onePoint(value)
    // As long as it can get: a list that grows begins with room for 17.
    points ??= new Array<NumberPoint>(places.length)
    points[length++] = run === undefined ? { attributes, value } : pointOfRun(attributes, value, nowNs, run)
  }
  if (points !== undefined) points.length = length
  return points
}

function devicePoints({ words, at, devicesAt }: CgroupNumbers, first: number): NumberPoint[] | undefined {
  const devices = words[at + ioDevices]!
  if (!(devices > 0)) return undefined // NaN neither
  const points: NumberPoint[] = []
  for (let i = 0; i < devices; i++) {
    const device = devicesAt + i * deviceWords
    const { read, write } = deviceAttributes(words[device]!, words[device + 1]!)
    points.push({ attributes: read, value: words[device + first]! })
    points.push({ attributes: write, value: words[device + first + 1]! })
  }
  return points
}

function pointOfRun(
  attributes: Attributes,
  value: number,
  timeUnixNano: bigint,
  { traceId, spanId }: NonNullable<Subject['run']>,
): NumberPoint {
  return { attributes, value, exemplars: [{ timeUnixNano, value, traceId, spanId }] }
}
