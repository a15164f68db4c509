/** One cgroup directory as the reader knows it. */
export interface CgroupEntry {
  /**
   * Path below the root, `/` for the root itself, e.g. `/system.slice/nginx.service`: the unit's ControlGroup, where the
   * root is the mount point. Bytes that are not UTF-8 and control characters are written as `\\xNN`, so two cgroups may show
   * the same path; systemd names none that way.
   */
  readonly path: string
  /** cgroup id (inode): changes when systemd removes and re-creates the directory at a restart. */
  readonly id: bigint
  /** systemd's `invocation_id` xattr, 32 hex digits, or empty. */
  readonly invocationId: string
}

export interface Pressure {
  /** Cumulative stall time in microseconds. */
  readonly someTotalUsec: bigint
  readonly fullTotalUsec?: bigint
  /** Share of the last 10 s, percent. */
  readonly someAvg10: number
  readonly fullAvg10?: number
}

export interface IoDevice {
  /** `major:minor`. */
  readonly device: string
  readonly readBytes: bigint
  readonly writeBytes: bigint
  readonly readOps: bigint
  readonly writeOps: bigint
}

/**
 * One reading. A field is absent when the kernel has no such file here (controller not enabled), when the cgroup is
 * gone, or when the file was malformed (counted in `parseErrors`): absent is never zero.
 */
export interface CgroupSample {
  readonly cpuUsageUsec?: bigint
  readonly cpuUserUsec?: bigint
  readonly cpuSystemUsec?: bigint
  readonly cpuPeriods?: bigint
  readonly cpuThrottledPeriods?: bigint
  readonly cpuThrottledUsec?: bigint
  readonly memoryCurrent?: bigint
  readonly memoryPeak?: bigint
  /** `max` is absent with `memoryMaxUnlimited` true. */
  readonly memoryMax?: bigint
  readonly memoryMaxUnlimited?: boolean
  readonly memorySwapCurrent?: bigint
  /** Chosen lines of memory.stat, bytes, by the kernel's names (anon, file, kernel, slab, sock, shmem, ...). */
  readonly memoryStat?: Readonly<Record<string, bigint>>
  /** memory.events: low, high, max, oom, oom_kill, oom_group_kill. */
  readonly memoryEvents?: Readonly<Record<string, bigint>>
  readonly io?: readonly IoDevice[]
  readonly pidsCurrent?: bigint
  /** `max` is absent with `pidsMaxUnlimited` true. */
  readonly pidsMax?: bigint
  readonly pidsMaxUnlimited?: boolean
  readonly cpuPressure?: Pressure
  readonly memoryPressure?: Pressure
  readonly ioPressure?: Pressure
  readonly populated?: boolean
  readonly frozen?: boolean
}

export interface CgroupReading {
  readonly entry: CgroupEntry
  readonly sample: CgroupSample
}

/** What can be left out; a file whose group is left out is not opened. `state` is cgroup.events. */
export const cgroupGroups = ['cpu', 'memory', 'memory_stat', 'io', 'pids', 'pressure', 'state'] as const
export type CgroupGroup = (typeof cgroupGroups)[number]

export interface CgroupOptions {
  /** Mount point of cgroup v2 or a directory below it. */
  readonly root: string
  /** Skip the cgroup2 filesystem check (tests on a plain directory tree). */
  readonly anyFilesystem: boolean
  /** Directories walked at most; deeper or further ones are counted in `skipped`. */
  readonly maxCgroups: number
  readonly maxDepth: number
  /** All of them when left out. */
  readonly groups?: readonly CgroupGroup[]
}

export interface CgroupStats {
  readonly cgroups: number
  /** Directories the last scan met beyond `maxCgroups` or `maxDepth`; what lies below them is not counted. */
  readonly skipped: number
  /** Files the kernel gave whose content could not be parsed, by file name. */
  readonly parseErrors: Readonly<Record<string, number>>
  /** System calls that failed otherwise, by errno name (`EACCES`, `EMFILE`): neither missing nor malformed. */
  readonly ioErrors: Readonly<Record<string, number>>
  /** Cgroups that vanished while being read: normal, not an error. */
  readonly vanished: number
  readonly openFds: number
  readonly nativeBytes: number
}

/**
 * Reads many cgroups in one native call, with directory and hot file descriptors held open. Synchronous, on the caller's
 * thread: about 20 us per cgroup, so callers with many read in slices.
 */
export interface CgroupReader {
  /**
   * Walks the tree and refreshes the list: new directories are opened, gone ones closed. Entries that did not change are
   * the same objects as before. Empty when the root itself is gone: make a new reader then.
   */
  scan(): readonly CgroupEntry[]
  /**
   * Reads the cgroups of `paths` (all known ones when left out) in their order, as the last scan knew them. Those that are
   * gone, or unknown, are left out: a successor of the same name is read only after the next scan.
   */
  read(paths?: readonly string[]): readonly CgroupReading[]
  stats(): CgroupStats
  /** Closes every descriptor; afterwards there is nothing to scan or read. Safe twice. */
  close(): void
}

/** A reader, or why there is none and what to do. */
export type CgroupOpening = { readonly reader: CgroupReader } | { readonly unavailable: string }
