import type { CgroupSample, Pressure } from '../../binding/cgroup-source.js'
import type { Attributes } from '../../data/attributes.js'
import type { Exemplar, Metric, NumberPoint } from '../../data/metric.js'
import { metric as names } from '../../lib/systemd/names.js'
import { type Subject, startOf } from './subjects.js'

type Value = number | bigint
type Row = readonly [value: Value | undefined, attributes?: Attributes]

/** One reading as metrics. What the sample does not have gives no point: absent is never zero. */
export function sampleMetrics(sample: CgroupSample, subject: Subject, nowNs: bigint): readonly Metric[] {
  const out = new Builder(subject, nowNs)
  addCpu(out, sample)
  addMemory(out, sample)
  addIo(out, sample)
  out.gauge(names.pids, '{process}', 'Tasks: processes and their threads.', [[sample.pidsCurrent]])
  out.gauge(names.pidsLimit, '{process}', 'Limit on tasks; none when unlimited.', [[sample.pidsMax]])
  addPressure(out, sample)
  return out.metrics
}

function addCpu(out: Builder, sample: CgroupSample): void {
  out.sum(
    names.cpuTime,
    's',
    'CPU time used.',
    [
      [seconds(sample.cpuUserUsec), { 'cpu.mode': 'user' }],
      [seconds(sample.cpuSystemUsec), { 'cpu.mode': 'system' }],
    ],
    { exemplars: true },
  )
  out.sum(names.cpuThrottledTime, 's', 'Time the unit wanted to run but its CPU quota was used up.', [
    [seconds(sample.cpuThrottledUsec)],
  ])
  out.sum(names.cpuThrottledPeriods, '{period}', 'Quota periods in which the unit was throttled.', [
    [sample.cpuThrottledPeriods],
  ])
}

function addMemory(out: Builder, sample: CgroupSample): void {
  out.gauge(names.memoryUsage, 'By', 'Memory in use, page cache included.', [[sample.memoryCurrent]], {
    exemplars: true,
  })
  out.gauge(names.memoryPeak, 'By', 'Most memory ever in use.', [[sample.memoryPeak]])
  out.gauge(names.memoryLimit, 'By', 'Hard limit on memory (MemoryMax=); none when unlimited.', [[sample.memoryMax]])
  out.gauge(names.memorySwap, 'By', 'Swap in use.', [[sample.memorySwapCurrent]])
  out.gauge(names.memoryStat, 'By', 'What the memory is used for.', keyed('systemd.memory.kind', sample.memoryStat))
  out.sum(
    names.memoryEvents,
    '{event}',
    'Times a memory limit was met, and processes killed for it.',
    keyed('systemd.memory.event', sample.memoryEvents),
    { exemplars: true },
  )
}

function addIo(out: Builder, { io = [] }: CgroupSample): void {
  const directed = (read: (device: (typeof io)[number]) => readonly [Value, Value]): Row[] =>
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

function addPressure(out: Builder, sample: CgroupSample): void {
  const resources = { cpu: sample.cpuPressure, memory: sample.memoryPressure, io: sample.ioPressure }
  const rows = (some: (p: Pressure) => Value, full: (p: Pressure) => Value | undefined): Row[] =>
    Object.entries(resources).flatMap(([resource, pressure]) => {
      if (pressure === undefined) return []
      const at = (kind: string): Attributes => ({
        'systemd.pressure.resource': resource,
        'systemd.pressure.kind': kind,
      })
      return [
        [some(pressure), at('some')],
        [full(pressure), at('full')],
      ] as const
    })
  out.sum(
    names.pressureTime,
    's',
    'Time in which some, or all, tasks of the unit waited for the resource (PSI).',
    rows(
      (p) => seconds(p.someTotalUsec)!,
      (p) => seconds(p.fullTotalUsec),
    ),
  )
  out.gauge(
    names.pressureRatio,
    '1',
    'Share of the last 10 s in which some, or all, tasks waited for the resource (PSI).',
    rows(
      (p) => p.someAvg10 / 100,
      (p) => (p.fullAvg10 === undefined ? undefined : p.fullAvg10 / 100),
    ),
  )
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
    for (const [value, attributes = {}] of rows) {
      if (value === undefined) continue
      const point = { attributes, ...start, timeUnixNano: this.#nowNs, value }
      const exemplar = exemplars ? this.#exemplar(value) : undefined
      points.push(exemplar === undefined ? point : { ...point, exemplars: [exemplar] })
    }
    return points
  }

  #exemplar(value: Value): Exemplar | undefined {
    const { run } = this.#subject
    return run === undefined ? undefined : { timeUnixNano: this.#nowNs, value: Number(value), ...run }
  }
}

function keyed(attribute: string, values: Readonly<Record<string, bigint>> = {}): Row[] {
  return Object.entries(values).map(([key, value]) => [value, { [attribute]: key }])
}

/** Exact to the microsecond up to 2^53 us, 285 years of CPU time. */
function seconds(usec: bigint | undefined): number | undefined {
  return usec === undefined ? undefined : Number(usec) / 1e6
}
