import type { CgroupSample, Pressure } from '../../binding/cgroup-source.js'
import type { Attributes } from '../../data/attributes.js'
import type { Exemplar, Metric, NumberPoint } from '../../data/metric.js'
import { metric as names } from '../../lib/systemd/names.js'
import { type Subject, startOf } from './subjects.js'

type Row = readonly [value: number | undefined, attributes: Attributes]

const none: Attributes = {}
const cpuModes = { user: { 'cpu.mode': 'user' }, system: { 'cpu.mode': 'system' } } as const

/** One reading as metrics. What the sample does not have gives no point: absent is never zero. */
export function sampleMetrics(sample: CgroupSample, subject: Subject, nowNs: bigint): readonly Metric[] {
  const out = new Builder(subject, nowNs)
  addCpu(out, sample)
  addMemory(out, sample)
  addIo(out, sample)
  out.gauge(names.pids, '{process}', 'Tasks: processes and their threads.', one(sample.pidsCurrent))
  out.gauge(names.pidsLimit, '{process}', 'Limit on tasks; none when unlimited.', one(sample.pidsMax))
  out.sum(
    names.pidsEvents,
    '{event}',
    'Times the limit on tasks was met: forks that failed.',
    keyed('systemd.pids.event', sample.pidsEvents),
  )
  addPressure(out, sample)
  addState(out, sample)
  return out.metrics
}

function addCpu(out: Builder, sample: CgroupSample): void {
  out.sum(
    names.cpuTime,
    's',
    'CPU time used.',
    [
      [seconds(sample.cpuUserUsec), cpuModes.user],
      [seconds(sample.cpuSystemUsec), cpuModes.system],
    ],
    { exemplars: true },
  )
  out.sum(
    names.cpuThrottledTime,
    's',
    'Time the unit wanted to run but its CPU quota was used up.',
    one(seconds(sample.cpuThrottledUsec)),
  )
  out.sum(
    names.cpuThrottledPeriods,
    '{period}',
    'Quota periods in which the unit was throttled.',
    one(sample.cpuThrottledPeriods),
  )
}

function addMemory(out: Builder, sample: CgroupSample): void {
  out.gauge(names.memoryUsage, 'By', 'Memory in use, page cache included.', one(sample.memoryCurrent), {
    exemplars: true,
  })
  out.gauge(names.memoryPeak, 'By', 'Most memory ever in use.', one(sample.memoryPeak))
  out.gauge(names.memoryLimit, 'By', 'Hard limit on memory (MemoryMax=); none when unlimited.', one(sample.memoryMax))
  out.gauge(
    names.memoryHigh,
    'By',
    'Limit past which the unit is slowed down (MemoryHigh=); none when unlimited.',
    one(sample.memoryHigh),
  )
  out.gauge(names.memorySwap, 'By', 'Swap in use.', one(sample.memorySwapCurrent))
  out.gauge(names.memoryStat, 'By', 'What the memory is used for.', keyed('systemd.memory.kind', sample.memoryStat))
  out.sum(
    names.memoryEvents,
    '{event}',
    'Times a memory limit was met, and processes killed for it.',
    keyed('systemd.memory.event', sample.memoryEvents),
    { exemplars: true },
  )
  out.sum(
    names.memoryEventsLocal,
    '{event}',
    'The same without what lies below the unit.',
    keyed('systemd.memory.event', sample.memoryEventsLocal),
  )
}

function addIo(out: Builder, { io = [] }: CgroupSample): void {
  const directed = (read: (device: (typeof io)[number]) => readonly [number, number]): Row[] =>
    io.flatMap((each) => {
      const [reads, writes] = read(each)
      const device = { 'system.device': each.device }
      return [
        [reads, { ...device, 'disk.io.direction': 'read' }],
        [writes, { ...device, 'disk.io.direction': 'write' }],
      ] as const
    })
  out.sum(
    names.ioBytes,
    'By',
    'Bytes read from and written to block devices.',
    directed((device) => [device.readBytes, device.writeBytes]),
  )
  out.sum(
    names.ioOperations,
    '{operation}',
    'Reads from and writes to block devices.',
    directed((device) => [device.readOps, device.writeOps]),
  )
}

const resources = ['cpu', 'memory', 'io'] as const
const pressureKinds = resources.map((resource) => ({
  field: `${resource}Pressure`,
  some: { 'systemd.pressure.resource': resource, 'systemd.pressure.kind': 'some' },
  full: { 'systemd.pressure.resource': resource, 'systemd.pressure.kind': 'full' },
})) as readonly {
  readonly field: `${(typeof resources)[number]}Pressure`
  readonly some: Attributes
  readonly full: Attributes
}[]

function addPressure(out: Builder, sample: CgroupSample): void {
  const rows = (of: (p: Pressure) => readonly [some: number | undefined, full: number | undefined]): Row[] =>
    pressureKinds.flatMap((kind) => {
      const pressure = sample[kind.field]
      if (pressure === undefined) return []
      const [some, full] = of(pressure)
      return [[some, kind.some] as const, [full, kind.full] as const]
    })
  out.sum(
    names.pressureTime,
    's',
    'Time in which some, or all, tasks of the unit waited for the resource (PSI).',
    rows((p) => [seconds(p.someTotalUsec), seconds(p.fullTotalUsec)]),
  )
  out.gauge(
    names.pressureRatio,
    '1',
    'Share of the last 10 s in which some, or all, tasks waited for the resource (PSI).',
    rows((p) => [p.someAvg10 / 100, p.fullAvg10 === undefined ? undefined : p.fullAvg10 / 100]),
  )
}

function addState(out: Builder, { populated, frozen }: CgroupSample): void {
  const flag = (value: boolean | undefined): number | undefined => (value === undefined ? undefined : Number(value))
  out.gauge(names.cgroupPopulated, '1', '1 while the unit has processes, 0 when it has none.', one(flag(populated)))
  out.gauge(names.cgroupFrozen, '1', '1 while the unit is frozen, 0 when it is not.', one(flag(frozen)))
}

/** Collects the metrics of one subject; a row without a value, and a metric without rows, is left out. */
class Builder {
  readonly metrics: Metric[] = []
  readonly #subject: Subject
  readonly #nowNs: bigint

  constructor(subject: Subject, nowNs: bigint) {
    this.#subject = subject
    this.#nowNs = nowNs
  }

  sum(name: string, unit: string, description: string, rows: readonly Row[], { exemplars = false } = {}): void {
    const points = this.#points(rows, exemplars, {
      startTimeUnixNano: startOf(this.#subject.since, this.#nowNs),
    })
    if (points.length === 0) return
    const { resource } = this.#subject
    const valueType = unit === 's' ? 'double' : 'int'
    this.metrics.push({ type: 'sum', monotonic: true, valueType, name, unit, description, resource, points })
  }

  gauge(name: string, unit: string, description: string, rows: readonly Row[], { exemplars = false } = {}): void {
    const points = this.#points(rows, exemplars, {})
    if (points.length === 0) return
    const { resource } = this.#subject
    const valueType = unit === '1' ? 'double' : 'int'
    this.metrics.push({ type: 'gauge', valueType, name, unit, description, resource, points })
  }

  #points(rows: readonly Row[], exemplars: boolean, start: { readonly startTimeUnixNano?: bigint }): NumberPoint[] {
    const points: NumberPoint[] = []
    for (const [value, attributes] of rows) {
      if (value === undefined) continue
      const point = { attributes, ...start, timeUnixNano: this.#nowNs, value }
      const exemplar = exemplars ? this.#exemplar(value) : undefined
      points.push(exemplar === undefined ? point : { ...point, exemplars: [exemplar] })
    }
    return points
  }

  #exemplar(value: number): Exemplar | undefined {
    const { run } = this.#subject
    return run === undefined ? undefined : { timeUnixNano: this.#nowNs, value, ...run }
  }
}

function one(value: number | undefined): Row[] {
  return value === undefined ? [] : [[value, none]]
}

/** Attributes by value: the kernel's keys are few and fixed, and each is in every cgroup of every pass. */
const keyedAttributes = new Map<string, Attributes>()

function keyed(attribute: string, values: Readonly<Record<string, number>> = {}): Row[] {
  return Object.entries(values).map(([key, value]) => {
    const name = `${attribute}=${key}`
    let attributes = keyedAttributes.get(name)
    if (attributes === undefined) {
      attributes = { [attribute]: key }
      keyedAttributes.set(name, attributes)
    }
    return [value, attributes]
  })
}

/** Exact to the microsecond up to 2^53 us, 285 years of CPU time. */
function seconds(usec: number | undefined): number | undefined {
  return usec === undefined ? undefined : usec / 1e6
}
