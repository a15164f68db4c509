import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { loadNative } from '../../binding/native.js'
import type { ConfigComplaint, Consumer, ReceiverFactory, Settings } from '../../component/component.js'
import { type CgroupMount, findCgroupMount } from '../../lib/cgroup/mount.js'
import { compilePattern } from '../../lib/matching/pattern.js'
import { createCgroupReceiver } from './cgroup.js'
import { type Config, schema } from './config.js'
import { missingControllers } from './controllers.js'

const kMinIntervalMs = 1000
const kMaxIntervalMs = 3_600_000
/** What the kernel takes (kernel/sched/psi.c, WINDOW_MIN_US and WINDOW_MAX_US). */
const kMinWindowMs = 500
const kMaxWindowMs = 10_000

export const factory = {
  type: 'cgroup',
  kind: 'receiver',
  stability: 'beta',
  description: 'CPU, memory, I/O, tasks and pressure of every unit and container, read from cgroup v2.',
  configSchema: schema,
  signals: ['logs', 'metrics'],
  capabilities: ['performance', 'system_wide'],
  unavailable() {
    const loaded = loadNative()
    if ('unavailable' in loaded) return loaded.unavailable
    return ownMount() === undefined ? 'no cgroup2 file system is mounted' : undefined
  },
  limited() {
    const mount = ownMount()
    if (mount === undefined) return undefined
    let present: string
    try {
      present = readFileSync(join(mount.path, 'cgroup.controllers'), 'utf8')
    } catch (error) {
      return `${mount.path} cannot be read: ${(error as Error).message}`
    }
    return missingControllers(present, { memory: true, io: true, pids: true }, mount.hybrid)
  },
  check({ collection_interval: ms, include, exclude, fold, pressure_triggers }: Config): readonly ConfigComplaint[] {
    const complaints: ConfigComplaint[] = []
    if (ms < kMinIntervalMs || ms > kMaxIntervalMs)
      complaints.push({ path: ['collection_interval'], reason: 'must be from 1s to 1h' })
    complaints.push(
      ...badPatterns(['include'], include),
      ...badPatterns(['exclude'], exclude),
      ...badPatterns(['fold'], fold),
    )
    pressure_triggers.forEach(({ window, threshold, units }, i) => {
      const path = ['pressure_triggers', i]
      if (window < kMinWindowMs || window > kMaxWindowMs)
        complaints.push({ path: [...path, 'window'], reason: 'must be from 500ms to 10s' })
      if (threshold <= 0 || threshold > window)
        complaints.push({ path: [...path, 'threshold'], reason: 'must be more than 0 and no more than the window' })
      complaints.push(...badPatterns([...path, 'units'], units))
    })
    return complaints
  },
  create: (settings: Settings, config: Config, next: Consumer) => createCgroupReceiver(settings, config, next),
} satisfies ReceiverFactory

function badPatterns(path: readonly (string | number)[], patterns: readonly string[]): ConfigComplaint[] {
  return patterns.flatMap((pattern, i) => {
    const compiled = compilePattern(pattern)
    return typeof compiled === 'function' ? [] : [{ path: [...path, i], reason: compiled.reason }]
  })
}

function ownMount(): CgroupMount | undefined {
  return findCgroupMount(readFileSync('/proc/self/mountinfo', 'utf8'))
}
