/** One cgroup directory as the reader knows it. */
export interface CgroupEntry {
  /** Path below the root, e.g. `/system.slice/nginx.service`; equals the unit's ControlGroup. */
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
  readonly pidsMax?: bigint
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

export interface CgroupOptions {
  /** Mount point of cgroup v2 or a directory below it. */
  readonly root: string
  /** Skip the cgroup2 filesystem check (tests on a plain directory tree). */
  readonly anyFilesystem: boolean
  /** Directories walked at most; deeper or further ones are counted in `skipped`. */
  readonly maxCgroups: number
  readonly maxDepth: number
}

export interface CgroupStats {
  readonly cgroups: number
  /** Directories beyond `maxCgroups` or `maxDepth` in the last scan. */
  readonly skipped: number
  /** Files the kernel gave whose content could not be parsed, by file name. */
  readonly parseErrors: Readonly<Record<string, number>>
  /** Cgroups that vanished while being read: normal, not an error. */
  readonly vanished: number
  readonly openFds: number
  readonly nativeBytes: number
}

/** Reads many cgroups in one native call, with directory and hot file descriptors held open. */
export interface CgroupReader {
  /** Walks the tree and refreshes the list: new directories are opened, gone ones closed. */
  scan(): readonly CgroupEntry[]
  /** Reads every cgroup whose path is in `paths` (all known ones when left out). One native call. */
  read(paths?: readonly string[]): readonly CgroupReading[]
  stats(): CgroupStats
  close(): void
}
