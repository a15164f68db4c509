import { getSystemErrorName } from 'node:util'
import { cgroupFields, decodeEntries, decodeReading, type RawPass } from './cgroup-layout.js'
import {
  type CgroupOpening,
  type CgroupOptions,
  type CgroupPass,
  type CgroupReader,
  type CgroupStats,
  cgroupGroups,
  type MemoryKill,
  type MemoryLoss,
  type OnKills,
  type OnStalls,
  type PressureStall,
  type PressureTrigger,
} from './cgroup-source.js'

/** The addon's class as it is (native/addon/cgroup_reader.h says what crosses). */
interface RawReader {
  /** errno of a root that cannot be opened, -1 for another file system; later errno of a thread that ended. */
  problem(): number
  start(onDoorbell: () => void): boolean
  request(): void
  take(into: Float64Array): RawPass | number | undefined
  stalls(): Float64Array
  kills(): MemoryKill[] | undefined
  losses(): MemoryLoss[] | undefined
  ignore(keys: Float64Array): void
  arm(id: number, key: number, file: string, text: string): boolean
  stats(): Omit<CgroupStats, 'ioErrors' | 'logError'> & {
    readonly ioErrors: Readonly<Record<string, number>>
    readonly logError: number
  }
  close(): void
}

type RawOptions = Omit<CgroupOptions, 'groups'> & { readonly groups: number }

/** What this file needs of the addon. */
export interface CgroupAddon {
  readonly CgroupReader: new (options: RawOptions) => RawReader
  readonly cgroupFields: readonly string[]
  readonly cgroupGroups: readonly string[]
}

const kStallWords = 4

/** Opens the root of a cgroup v2 tree, or says why that failed. Throws only when addon and package do not fit together. */
export function openCgroupReader(
  addon: CgroupAddon,
  options: CgroupOptions,
  onStalls: OnStalls,
  onKills: OnKills,
): CgroupOpening {
  if (addon.cgroupFields.join() !== cgroupFields.join() || addon.cgroupGroups.join() !== cgroupGroups.join()) {
    throw new Error('the native addon was built from another version of this package: run `npm run build:native`')
  }
  const groups = (options.groups ?? cgroupGroups).reduce((bits, group) => bits | (1 << cgroupGroups.indexOf(group)), 0)
  const raw = new addon.CgroupReader({ ...options, groups })
  const problem = raw.problem()
  if (problem !== 0) return { unavailable: explain(options.root, problem) }
  const reader = new NativeCgroupReader(raw, onStalls, onKills)
  if (reader.start()) return { reader }
  return { unavailable: 'cannot start a thread to read cgroups (raise LimitNOFILE= and TasksMax=)' }
}

class NativeCgroupReader implements CgroupReader {
  readonly #raw: RawReader
  readonly #onStalls: OnStalls
  readonly #onKills: OnKills
  /** Grown to what a pass needs, and used again. */
  #words = new Float64Array(0)
  #pending: Promise<CgroupPass | undefined> | undefined
  #resolve: (pass: CgroupPass | undefined) => void = () => {}
  #closed = false
  readonly #triggers: PressureTrigger[] = []

  constructor(raw: RawReader, onStalls: OnStalls, onKills: OnKills) {
    this.#raw = raw
    this.#onStalls = onStalls
    this.#onKills = onKills
  }

  start(): boolean {
    return this.#raw.start(() => this.#ring())
  }

  sample(): Promise<CgroupPass | undefined> {
    if (this.#closed || this.#raw.problem() !== 0) return Promise.resolve(undefined)
    this.#pending ??= new Promise((resolve) => {
      this.#resolve = resolve
      this.#raw.request()
    })
    return this.#pending
  }

  ignore(keys: readonly number[]): void {
    if (keys.length > 0) this.#raw.ignore(Float64Array.from(keys))
  }

  arm(key: number, trigger: PressureTrigger): boolean {
    let id = this.#triggers.indexOf(trigger)
    if (id < 0) id = this.#triggers.push(trigger) - 1
    const { kind, thresholdMs, windowMs } = trigger
    return this.#raw.arm(id, key, `${trigger.resource}.pressure`, `${kind} ${thresholdMs * 1000} ${windowMs * 1000}`)
  }

  stats(): CgroupStats {
    const { ioErrors, logError, ...rest } = this.#raw.stats()
    const byName = Object.entries(ioErrors).map(
      ([errno, count]) => [getSystemErrorName(-Number(errno)), count] as const,
    )
    const why = logError === 0 ? undefined : getSystemErrorName(-logError)
    return { ...rest, ioErrors: Object.fromEntries(byName), logError: why }
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#raw.close()
    this.#settle(undefined)
  }

  #ring(): void {
    if (this.#closed) return
    // Before the pass: it may hold the end of who was killed.
    const kills = this.#raw.kills()
    const losses = this.#raw.losses()
    if (kills !== undefined || losses !== undefined) this.#onKills(kills ?? [], losses ?? [])
    const raw = this.#take()
    if (raw !== undefined) this.#settle(passOf(this.#words, raw))
    else if (this.#raw.problem() !== 0) this.#settle(undefined)
    const stalls = this.#takeStalls()
    if (stalls.length > 0) this.#onStalls(stalls)
  }

  #settle(pass: CgroupPass | undefined): void {
    this.#pending = undefined
    this.#resolve(pass)
  }

  #take(): RawPass | undefined {
    let taken = this.#raw.take(this.#words)
    if (typeof taken === 'number') {
      // An eighth more, so that a unit more does not mean a new buffer.
      this.#words = new Float64Array(Math.ceil(taken * 1.125))
      taken = this.#raw.take(this.#words)
    }
    return taken as RawPass | undefined
  }

  #takeStalls(): PressureStall[] {
    const words = this.#raw.stalls()
    return Array.from({ length: words.length / kStallWords }, (_, i) => {
      const [id, key, ageMs, errno] = words.subarray(i * kStallWords, (i + 1) * kStallWords)
      const error = errno === 0 ? undefined : getSystemErrorName(-errno!)
      return { key: key!, trigger: this.#triggers[id!]!, ageMs: ageMs!, error }
    })
  }
}

function passOf(words: Float64Array, raw: RawPass): CgroupPass {
  return {
    rootGone: raw.rootGone,
    entries: decodeEntries(words, raw),
    length: raw.rows,
    reading: (index) => decodeReading(words, raw, index),
  }
}

function explain(root: string, problem: number): string {
  if (problem < 0) {
    return `${root} is not on a cgroup v2 file system: give the mount point of cgroup2 (see /proc/self/mountinfo), or mount one: mount -t cgroup2 none DIRECTORY`
  }
  const name = getSystemErrorName(-problem)
  if (name === 'ENOENT')
    return `${root} does not exist: give the mount point of cgroup2 (in a container, mount the host's)`
  if (name === 'EACCES') return `${root} cannot be opened (EACCES): the agent's user needs read permission on it`
  return `${root} cannot be opened (${name}): it must be a directory of a cgroup v2 file system`
}
