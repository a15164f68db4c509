import { getSystemErrorName } from 'node:util'
import { type CgroupRows, cgroupFields, decodeSample } from './cgroup-layout.js'
import {
  type CgroupEntry,
  type CgroupOpening,
  type CgroupOptions,
  type CgroupReader,
  type CgroupReading,
  type CgroupStats,
  cgroupGroups,
} from './cgroup-source.js'

/** The addon's class as it is (native/addon/cgroup_reader.h says what crosses). */
interface RawReader {
  problem(): number
  scan(): { readonly paths: string; readonly ids: BigUint64Array; readonly invocations: string }
  read(indices: Uint32Array): CgroupRows
  stats(): Omit<CgroupStats, 'ioErrors'> & { readonly ioErrors: Readonly<Record<string, number>> }
  close(): void
}

/** What this file needs of the addon. */
export interface CgroupAddon {
  readonly CgroupReader: new (
    root: string,
    anyFilesystem: boolean,
    maxCgroups: number,
    maxDepth: number,
    groups: number,
  ) => RawReader
  readonly cgroupFields: readonly string[]
  readonly cgroupGroups: readonly string[]
}

const kInvocationDigits = 32

interface Known {
  readonly entry: CgroupEntry
  readonly index: number
}

/** Opens the root of a cgroup v2 tree, or says why that failed. Throws only when addon and package do not fit together. */
export function openCgroupReader(addon: CgroupAddon, options: CgroupOptions): CgroupOpening {
  if (addon.cgroupFields.join() !== cgroupFields.join() || addon.cgroupGroups.join() !== cgroupGroups.join()) {
    throw new Error('the native addon was built from another version of this package: run `npm run build:native`')
  }
  const { root, anyFilesystem, maxCgroups, maxDepth, groups = cgroupGroups } = options
  const mask = groups.reduce((bits, group) => bits | (1 << cgroupGroups.indexOf(group)), 0)
  const raw = new addon.CgroupReader(root, anyFilesystem, maxCgroups, maxDepth, mask)
  const problem = raw.problem()
  return problem === 0 ? { reader: new NativeCgroupReader(raw) } : { unavailable: explain(root, problem) }
}

class NativeCgroupReader implements CgroupReader {
  readonly #raw: RawReader
  /** What the last scan found, by native index. */
  #known: readonly Known[] = []
  /** By path: nearly always one, but names that are not UTF-8 may be shown like another. */
  #byPath = new Map<string, Known[]>()

  constructor(raw: RawReader) {
    this.#raw = raw
  }

  scan(): readonly CgroupEntry[] {
    const { paths, ids, invocations } = this.#raw.scan()
    const before = this.#byPath
    this.#byPath = new Map()
    const names = ids.length === 0 ? [] : paths.split('\0')
    this.#known = names.map((path, index) => {
      const id = ids[index]!
      const invocationId = invocations.slice(index * kInvocationDigits, (index + 1) * kInvocationDigits).trim()
      const old = before.get(path)?.find(({ entry }) => entry.id === id)?.entry
      const known = { entry: old?.invocationId === invocationId ? old : { path, id, invocationId }, index }
      const alike = this.#byPath.get(path)
      if (alike === undefined) this.#byPath.set(path, [known])
      else alike.push(known)
      return known
    })
    return this.#known.map(({ entry }) => entry)
  }

  read(paths?: readonly string[]): readonly CgroupReading[] {
    const wanted = paths === undefined ? this.#known : paths.flatMap((path) => this.#byPath.get(path) ?? [])
    const rows = this.#raw.read(Uint32Array.from(wanted, ({ index }) => index))
    return wanted.flatMap(({ entry }, i) => {
      const sample = decodeSample(rows, i)
      return sample === undefined ? [] : { entry, sample }
    })
  }

  stats(): CgroupStats {
    const { ioErrors, ...rest } = this.#raw.stats()
    const byName = Object.entries(ioErrors).map(
      ([errno, count]) => [getSystemErrorName(-Number(errno)), count] as const,
    )
    return { ...rest, ioErrors: Object.fromEntries(byName) }
  }

  close(): void {
    this.#known = []
    this.#byPath = new Map()
    this.#raw.close()
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
