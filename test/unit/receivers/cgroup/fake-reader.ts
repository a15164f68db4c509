import type {
  CgroupEntry,
  CgroupOptions,
  CgroupReader,
  CgroupSample,
  CgroupStats,
} from '../../../../src/binding/cgroup-source.js'

/** A cgroup tree in memory: what is in `cgroups` exists, with this identity and these numbers. */
export class FakeReader implements CgroupReader {
  readonly cgroups = new Map<string, { id: bigint; invocationId: string; sample: CgroupSample }>()
  stat: Partial<CgroupStats> = {}
  /** Paths that are known from the scan but gone when read. */
  readonly vanishing = new Set<string>()
  closed = false
  readonly reads: number[] = []
  #entries = new Map<string, CgroupEntry>()

  put(path: string, sample: CgroupSample, id = 1n, invocationId = ''): this {
    this.cgroups.set(path, { id, invocationId, sample })
    return this
  }

  scan(): readonly CgroupEntry[] {
    const before = this.#entries
    this.#entries = new Map()
    for (const [path, { id, invocationId }] of this.cgroups) {
      const old = before.get(path)
      const same = old?.id === id && old.invocationId === invocationId
      this.#entries.set(path, same ? old : { path, id, invocationId })
    }
    return [...this.#entries.values()]
  }

  read(paths: readonly string[] = [...this.#entries.keys()]) {
    this.reads.push(paths.length)
    return paths.flatMap((path) => {
      const entry = this.#entries.get(path)
      const found = this.cgroups.get(path)
      return entry === undefined || found === undefined || this.vanishing.has(path)
        ? []
        : [{ entry, sample: found.sample }]
    })
  }

  stats(): CgroupStats {
    const zero = { cgroups: this.#entries.size, skipped: 0, vanished: 0, openFds: 0, nativeBytes: 0 }
    return { ...zero, parseErrors: {}, ioErrors: {}, ...this.stat }
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
    open(options: CgroupOptions) {
      asked.push(options)
      const next = left.length > 1 ? left.shift()! : left[0]!
      return typeof next === 'string' ? { unavailable: next } : { reader: next }
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
