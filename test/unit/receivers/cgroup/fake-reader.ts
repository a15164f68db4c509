import type {
  CgroupEntry,
  CgroupOptions,
  CgroupPass,
  CgroupReader,
  CgroupReading,
  CgroupStats,
  OnKills,
  OnStalls,
  PressureStall,
  PressureTrigger,
} from '../../../../src/binding/cgroup-source.js'
import { type CgroupSample, numbersOf } from '../../../support/cgroup-sample.js'

interface Cgroup {
  readonly id: number
  readonly invocationId: string
  readonly sample: CgroupSample
}

/** A cgroup tree in memory: what is in `cgroups` exists, with this identity and these numbers. */
export class FakeReader implements CgroupReader {
  readonly cgroups = new Map<string, Cgroup>()
  stat: Partial<CgroupStats> = {}
  /** Paths that are known but gone when read. */
  readonly vanishing = new Set<string>()
  /** Last numbers of those that end, by path. */
  readonly finals = new Map<string, CgroupSample>()
  rootGone = false
  closed = false
  /** A pass waits for this. */
  gate: Promise<void> = Promise.resolve()
  readonly ignored = new Set<number>()
  readonly armed: { readonly path: string; readonly trigger: PressureTrigger }[] = []
  maxTriggers = 100
  onStalls: OnStalls = () => {}
  /** Has the kernel tell of kills for want of memory. */
  onKills: OnKills = () => {}
  #known = new Map<string, CgroupEntry>()
  #lastKey = 0
  #passes = 0

  put(path: string, sample: CgroupSample, id = 1, invocationId = ''): this {
    this.cgroups.set(path, { id, invocationId, sample })
    return this
  }

  async sample(): Promise<CgroupPass | undefined> {
    await this.gate
    if (this.closed) return undefined
    const entries: CgroupEntry[] = []
    const readings: CgroupReading[] = []
    for (const [path, entry] of this.#known) {
      if (this.cgroups.get(path)?.id === entry.id) continue
      const final = this.finals.get(path)
      readings.push({ key: entry.key, ended: true, ageMs: 1000, numbers: final && numbersOf(final) })
      this.#known.delete(path)
    }
    for (const [path, { id, invocationId }] of this.cgroups) {
      const old = this.#known.get(path)
      if (old?.invocationId === invocationId) continue
      // What comes after the first pass was seen to be made, three seconds ago.
      const ageMs = this.#passes === 0 ? undefined : 3000
      const entry = { key: old?.key ?? ++this.#lastKey, path, id, invocationId, ageMs }
      this.#known.set(path, entry)
      entries.push(entry)
    }
    this.#passes++
    for (const [path, { sample }] of this.cgroups) {
      const { key } = this.#known.get(path)!
      if (this.vanishing.has(path) || this.ignored.has(key)) continue
      readings.push({ key, ended: false, ageMs: 0, numbers: numbersOf(sample) })
    }
    const told = this.rootGone ? [] : readings
    return { rootGone: this.rootGone, entries, length: told.length, reading: (index) => told[index]! }
  }

  ignore(keys: readonly number[]): void {
    for (const key of keys) this.ignored.add(key)
  }

  arm(key: number, trigger: PressureTrigger): boolean {
    const path = [...this.#known.values()].find((entry) => entry.key === key)!.path
    if (this.armed.length >= this.maxTriggers) return false
    this.armed.push({ path, trigger })
    return true
  }

  /** Has the kernel tell of a trigger that was armed. */
  stall(index: number, part: Partial<PressureStall> = {}): void {
    const { path, trigger } = this.armed[index]!
    this.onStalls([{ key: this.#known.get(path)!.key, trigger, ageMs: 250, error: undefined, ...part }])
  }

  stats(): CgroupStats {
    return {
      cgroups: this.cgroups.size,
      skipped: 0,
      vanished: 0,
      endsRead: 0,
      endsUnread: 0,
      endsLost: 0,
      endsBrief: 0,
      walks: 1,
      missed: 0,
      overflows: 0,
      watches: 0,
      unwatched: 0,
      openFds: 0,
      triggers: this.armed.length,
      stallsDropped: 0,
      killsDropped: 0,
      logError: undefined,
      logOverruns: 0,
      nativeBytes: 0,
      threadCpuNs: 0,
      parseErrors: {},
      ioErrors: {},
      ...this.stat,
    }
  }

  close(): void {
    this.closed = true
  }
}

/** This machine as a receiver sees it: readers in the order they are opened, and the files it asks for. */
export function fakeWorld(readers: readonly (FakeReader | string)[], files: Readonly<Record<string, string>> = {}) {
  const left = [...readers]
  const asked: CgroupOptions[] = []
  return {
    asked,
    open(options: CgroupOptions, onStalls: OnStalls, onKills: OnKills) {
      asked.push(options)
      const next = left.length > 1 ? left.shift()! : left[0]!
      if (typeof next === 'string') return { unavailable: next }
      next.onStalls = onStalls
      next.onKills = onKills
      return { reader: next }
    },
    read: (path: string) =>
      ({
        '/proc/self/mountinfo': '35 24 0:30 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n',
        '/sys/fs/cgroup/cgroup.controllers': 'cpuset cpu io memory pids\n',
        ...files,
      })[path],
    uid: 1000,
  }
}
