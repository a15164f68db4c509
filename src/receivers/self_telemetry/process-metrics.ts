import { readdirSync, readFileSync, statSync } from 'node:fs'
import { loadNative } from '../../binding/native.js'
import type { Attributes } from '../../data/attributes.js'
import type { Metric, NumberPoint } from '../../data/metric.js'
import type { Resource } from '../../data/resource.js'

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

/** Numbers of this very process, named by OTel's process and Node.js conventions. Those of the event loop need the addon. */
export function createProcessMetrics(startTimeUnixNano: bigint): ProcessMetrics {
  const loaded = loadNative()
  // Not Node's monitorEventLoopDelay: it sees only turns in which its timer is due, and ten of these a second were half
  // of the wake-ups of an idle agent (decision 0116).
  const loop = 'native' in loaded ? loaded.native.watchEventLoop() : undefined
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
      const delay = loop?.read()
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
          'How long a turn of the event loop kept others waiting, mean since the last reading.',
          at(delay?.meanSeconds),
        ),
        gauge(
          'nodejs.eventloop.delay.p99',
          's',
          'How long a turn of the event loop kept others waiting, 99th percentile since the last reading.',
          at(delay?.p99Seconds),
        ),
        gauge(
          'nodejs.eventloop.delay.max',
          's',
          'How long a turn of the event loop kept others waiting, longest since the last reading.',
          at(delay?.maxSeconds),
        ),
      ]
      return metrics.filter((metric) => metric.points.length > 0)
    },
    close: () => loop?.close(),
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
