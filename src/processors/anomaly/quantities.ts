import type { Metric, NumberPoint } from '../../data/metric.js'
import { heldBytes } from '../../lib/systemd/held-memory.js'
import { metric as names } from '../../lib/systemd/names.js'

/** What is looked at of each unit, as a series. */
export interface Quantity {
  readonly kind: 'cpu' | 'memory' | 'io' | 'tasks' | 'pressure'
  /** As in a sentence: `CPU of web.service is ...`. */
  readonly title: string
  /** Made of a count that only grows: what counts is its rate. */
  readonly isRate: boolean
  /** A difference of less than this, or than a third, is none that anybody minds. In the metric's unit, rates per second. */
  readonly floor: number
  format(value: number): string
}

const kMiB = 2 ** 20
const kBytes = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const

function bytes(value: number): string {
  const power = Math.min(Math.max(Math.floor(Math.log2(Math.max(value, 1)) / 10), 0), kBytes.length - 1)
  return `${digits(value / 1024 ** power)} ${kBytes[power]}`
}

export function digits(value: number): string {
  return String(Number(value.toPrecision(3)))
}

export const quantities: readonly Quantity[] = [
  { kind: 'cpu', title: 'CPU', isRate: true, floor: 0.05, format: (value) => `${digits(value)} cores` },
  { kind: 'memory', title: 'memory', isRate: false, floor: 16 * kMiB, format: bytes },
  { kind: 'io', title: 'disk I/O', isRate: true, floor: kMiB / 4, format: (value) => `${bytes(value)}/s` },
  { kind: 'tasks', title: 'number of tasks', isRate: false, floor: 16, format: digits },
  {
    kind: 'pressure',
    title: 'time spent waiting for CPU, memory and I/O',
    isRate: true,
    floor: 0.1,
    format: (value) => `${digits(value)} s in each second`,
  },
]
const kCpu = 0
export const kMemory = 1
const kIo = 2
const kTasks = 3
const kPressure = 4

export const wantedMetrics = [
  names.cpuTime,
  names.memoryUsage,
  names.memoryStat,
  names.ioBytes,
  names.pids,
  names.pressureTime,
] as const

/** Which quantity a metric tells, and how much; -1 for none. `memory_stat` is the better word on memory, and says so. */
export const reading = { quantity: -1, value: 0, isHeldMemory: false }

/** Into `reading`, which is the same for all: this is called for every metric. */
export function read(metric: Metric): void {
  reading.quantity = -1
  reading.isHeldMemory = false
  if (metric.type === 'histogram' || metric.type === 'encoded') return
  const { name, points } = metric
  if (name === names.cpuTime) total(kCpu, points)
  else if (name === names.memoryUsage) total(kMemory, points)
  else if (name === names.ioBytes) total(kIo, points)
  else if (name === names.pids) total(kTasks, points)
  else if (name === names.pressureTime) waited(points)
  else if (name === names.memoryStat) {
    reading.quantity = kMemory
    reading.value = heldBytes(points)
    reading.isHeldMemory = true
  }
}

function total(quantity: number, points: readonly NumberPoint[]): void {
  reading.quantity = quantity
  reading.value = 0
  for (let at = 0; at < points.length; at++) reading.value += Number(points[at]!.value)
}

/** For each of the three some of its processes may wait: more than a second in a second. */
function waited(points: readonly NumberPoint[]): void {
  reading.quantity = kPressure
  reading.value = 0
  for (let at = 0; at < points.length; at++) {
    const { attributes, value } = points[at]!
    if (attributes['systemd.pressure.kind'] === 'some') reading.value += Number(value)
  }
}
