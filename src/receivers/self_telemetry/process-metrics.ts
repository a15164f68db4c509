import { readdirSync, readFileSync, statSync } from 'node:fs'
import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks'
import type { Attributes } from '../../data/attributes.js'
import type { Metric, NumberPoint } from '../../data/metric.js'
import type { Resource } from '../../data/resource.js'

/** Ten wake-ups a second: fine enough to see a stall that matters, and too few to be seen in an idle agent's CPU time. */
const kLoopResolutionMs = 100

/** Memory of a process in bytes, as proc_pid_status(5) tells; absent when the kernel does not. */
export interface ProcessMemory {
  /** VmRSS: resident, shared pages of the program included. */
  readonly rss?: number
  /** RssAnon: resident and private to the process, what it really costs. */
  readonly anonymous?: number
}

/** Reads the two lines of `/proc/<pid>/status` that count here. */
export function parseProcessMemory(status: string): ProcessMemory {
  const bytes = (key: string): number | undefined => {
    const kib = new RegExp(`^${key}:\\s+(\\d{1,15}) kB$`, 'm').exec(status)?.[1]
    return kib === undefined ? undefined : Number(kib) * 1024
  }
  const rss = bytes('VmRSS')
  const anonymous = bytes('RssAnon')
  return { ...(rss === undefined ? {} : { rss }), ...(anonymous === undefined ? {} : { anonymous }) }
}

export interface ProcessMetrics {
  read(resource: Resource, timeUnixNano: bigint): readonly Metric[]
  close(): void
}

/** Numbers of this very process, named by OTel's process and Node.js conventions. */
export function createProcessMetrics(startTimeUnixNano: bigint): ProcessMetrics {
  const loop = monitorEventLoopDelay({ resolution: kLoopResolutionMs })
  loop.enable()
  return {
    read(resource, timeUnixNano) {
      const at = (value: number | undefined, attributes: Attributes = {}): readonly NumberPoint[] =>
        value === undefined ? [] : [{ attributes, timeUnixNano, value }]
      const gauge = (name: string, unit: string, description: string, points: readonly NumberPoint[]): Metric => ({
        name,
        unit,
        description,
        resource,
        type: 'gauge',
        valueType: unit === 's' ? 'double' : 'int',
        points,
      })
      const memory = processMemory()
      const cpu = process.cpuUsage()
      const delay = readDelay(loop)
      const metrics: readonly Metric[] = [
        {
          name: 'process.cpu.time',
          unit: 's',
          description: 'CPU time of the agent.',
          resource,
          type: 'sum',
          valueType: 'double',
          monotonic: true,
          points: [
            ...at(cpu.user / 1e6, { 'cpu.mode': 'user' }),
            ...at(cpu.system / 1e6, { 'cpu.mode': 'system' }),
          ].map((point) => ({ ...point, startTimeUnixNano })),
        },
        gauge('process.memory.usage', 'By', 'Resident memory (VmRSS), shared pages included.', at(memory.rss)),
        gauge(
          'process.memory.anonymous',
          'By',
          'Resident memory private to the agent (RssAnon).',
          at(memory.anonymous),
        ),
        gauge('process.open_file_descriptor.count', '{file_descriptor}', 'Open file descriptors.', at(openFds())),
        gauge('process.uptime', 's', 'Time since the agent started.', at(process.uptime())),
        gauge('v8js.memory.heap.used', 'By', 'JavaScript heap in use.', at(process.memoryUsage().heapUsed)),
        gauge(
          'nodejs.eventloop.delay.mean',
          's',
          'Mean delay of the event loop since the last reading.',
          at(delay.mean),
        ),
        gauge('nodejs.eventloop.delay.p99', 's', '99th percentile of the same.', at(delay.p99)),
        gauge('nodejs.eventloop.delay.max', 's', 'Longest delay of the same.', at(delay.max)),
      ]
      return metrics.filter((metric) => metric.points.length > 0)
    },
    close: () => void loop.disable(),
  }
}

function processMemory(): ProcessMemory {
  try {
    return parseProcessMemory(readFileSync('/proc/self/status', 'utf8'))
  } catch {
    return {}
  }
}

const kFdFolder = '/proc/self/fd'

function openFds(): number | undefined {
  try {
    // Since Linux 6.2 the folder's size tells; before it is 0. Listing thousands takes 10 ms of the event loop.
    const { size } = statSync(kFdFolder)
    // One of those listed is the directory being read.
    return size > 0 ? size : readdirSync(kFdFolder).length - 1
  } catch {
    return undefined
  }
}

/** Seconds of delay. The histogram holds whole intervals in nanoseconds, the resolution included; each reading resets it. */
function readDelay(loop: IntervalHistogram): { readonly mean?: number; readonly p99?: number; readonly max?: number } {
  if (loop.count === 0) return {}
  const seconds = (nanos: number) => Math.max(0, nanos / 1e9 - kLoopResolutionMs / 1000)
  const delay = { mean: seconds(loop.mean), p99: seconds(loop.percentile(99)), max: seconds(loop.max) }
  loop.reset()
  return delay
}
