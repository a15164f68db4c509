/** One cgroup directory as the reader knows it, from its making to its removal. */
export interface CgroupEntry {
  /** Never used again by the same reader. */
  readonly key: number
  /**
   * Path below the root, `/` for the root itself, e.g. `/system.slice/nginx.service`: the unit's ControlGroup, where the
   * root is the mount point. Bytes that are not UTF-8 and control characters are written as `\\xNN`, so two cgroups may show
   * the same path; systemd names none that way.
   */
  readonly path: string
  /** cgroup id (inode): changes when systemd removes and re-creates the directory at a restart. */
  readonly id: number
  /** systemd's `invocation_id` xattr, 32 hex digits, or empty. */
  readonly invocationId: string
  /** How long ago, before the pass, it was made, or a little more; undefined when unknown. */
  readonly ageMs: number | undefined
}

/**
 * The numbers of one reading, in the table of their pass: field `f` (of `cgroupFields`) is `words[at + f]`. Whole numbers are
 * exact to 2^53, and to 16 digits beyond.
 *
 * A field is NaN when the kernel has no such file here (controller not enabled), when the cgroup is gone, or when the file was
 * malformed (counted in `parseErrors`): absent is never zero. Of a limit that is `max` the number is absent, and
 * `...Unlimited` is 1.
 */
export interface CgroupNumbers {
  readonly words: Float64Array
  readonly at: number
  /** Where its block devices begin, if it has any: `deviceWords` for each. */
  readonly devicesAt: number
}

export interface CgroupReading {
  readonly key: number
  /** Gone: it is told of once more, with what it had used when its last process had left, if that could be read. */
  readonly ended: boolean
  /** How long ago, before the pass was taken, it was read. */
  readonly ageMs: number
  /** Undefined where it ended unread. */
  readonly numbers: CgroupNumbers | undefined
}

/** One reading of all cgroups. Valid until the next one is asked for. */
export interface CgroupPass {
  /** The root's path leads elsewhere, or nowhere: nothing was read. Make a new reader then. */
  readonly rootGone: boolean
  /** Those that are new, or in which systemd began a new run; each once, and no later than its first reading. */
  readonly entries: readonly CgroupEntry[]
  /** How many readings there are; those of cgroups that ended come first. */
  readonly length: number
  reading(index: number): CgroupReading
}

/** What can be left out; a file whose group is left out is not opened. `state` is cgroup.events. */
export const cgroupGroups = ['cpu', 'memory', 'memory_local', 'memory_stat', 'io', 'pids', 'pressure', 'state'] as const
export type CgroupGroup = (typeof cgroupGroups)[number]

export interface CgroupOptions {
  /** Mount point of cgroup v2 or a directory below it. */
  readonly root: string
  /** Skip the cgroup2 filesystem check (tests on a plain directory tree). */
  readonly anyFilesystem: boolean
  /** Directories known at most; deeper or further ones are counted in `skipped`. */
  readonly maxCgroups: number
  readonly maxDepth: number
  /** Files kept open between readings. Each pins 4 KiB of kernel memory and saves 3 us per reading. */
  readonly maxOpenFiles: number
  /** The whole tree is listed after this long, though the kernel tells of every change. */
  readonly walkIntervalMs: number
  /** All of them when left out. */
  readonly groups?: readonly CgroupGroup[]
  /** Also reads the kernel's log for who was killed, where that is allowed and `root` is that of all cgroups. */
  readonly kernelLog?: boolean
}

/** What the kernel is to tell of: that tasks of a cgroup waited longer than `thresholdMs` within `windowMs`. */
export interface PressureTrigger {
  readonly resource: 'cpu' | 'memory' | 'io'
  readonly kind: 'some' | 'full'
  readonly thresholdMs: number
  readonly windowMs: number
}

/** A trigger fired, could not be set, or was lost. */
export interface PressureStall {
  readonly key: number
  readonly trigger: PressureTrigger
  readonly ageMs: number
  /** Why the kernel refused the trigger (`EINVAL`, `EACCES`), `ENODEV` where its cgroup ended; undefined for one that fired. */
  readonly error: string | undefined
}

/**
 * The kernel killed for want of memory: a counter of a cgroup says so (`after` is more than `before`), or the kernel's log
 * (`pid` is there). Of one process the counters of its cgroup and of all above it tell.
 */
export interface MemoryKill {
  /** As `CgroupEntry.path`. */
  readonly path: string
  /** cgroup id (inode), 0 where the cgroup was gone when the log told. */
  readonly id: number
  /** Of the cgroup, or of the service or scope that made it; empty when unknown. */
  readonly invocationId: string
  /** `oom_kill` of memory.events: in this cgroup and below. Both 0 of a kill that the log told. */
  readonly before: number
  readonly after: number
  /** Bytes: memory.peak, and memory.max where there is a limit. */
  readonly peak?: number
  readonly limit?: number
  /** How long ago it was read. */
  readonly ageMs: number
  readonly pid?: number
  readonly command?: string
  /** The cgroup whose limit was met; empty when the machine itself had no memory left. */
  readonly limitedBy?: string
}

/**
 * A slice has counted kills for want of memory that nothing in it had: they were in cgroups that were gone before they could be
 * read. Whoever it was is among the suspects, if that is `complete`.
 */
export interface MemoryLoss {
  /** As `CgroupEntry.path`. */
  readonly slice: string
  readonly kills: number
  /** Whole cgroups were killed at once (memory.oom.group) in the slice meanwhile. */
  readonly grouped: boolean
  readonly complete: boolean
  readonly suspects: readonly MemorySuspect[]
}

/** A cgroup that ended, and that may have counted kills when nobody could read it any more. */
export interface MemorySuspect {
  readonly path: string
  /** cgroup id (inode), 0 where it came and went unseen. */
  readonly id: number
  /** Empty when unknown. */
  readonly invocationId: string
  /** Its memory.events had changed: it was at its limit, or somebody was killed. False, too, where that is not known. */
  readonly stirred: boolean
  /** How long ago it was found gone. */
  readonly ageMs: number
}

export interface CgroupStats {
  readonly cgroups: number
  /** Directories met beyond `maxCgroups` or `maxDepth`; what lies below them is not counted. */
  readonly skipped: number
  /** Files the kernel gave whose content could not be parsed, by file name. */
  readonly parseErrors: Readonly<Record<string, number>>
  /** System calls that failed otherwise, by errno name (`EACCES`, `EMFILE`): neither missing nor malformed. */
  readonly ioErrors: Readonly<Record<string, number>>
  /** Cgroups that vanished while being read: normal, not an error. */
  readonly vanished: number
  /** Removed cgroups whose last numbers were read; which ended without; and which came and went unread. */
  readonly endsRead: number
  readonly endsUnread: number
  readonly endsLost: number
  /** Removed cgroups that were never taken in: nothing ran in them whenever somebody looked. No pass tells of them. */
  readonly endsBrief: number
  /** Listings of the whole tree, and cgroups only these found though all directories were watched. */
  readonly walks: number
  readonly missed: number
  /** Times the kernel's queue of changes ran over; the tree was listed then. */
  readonly overflows: number
  readonly watches: number
  /** Directories the kernel had no watch for: all is found by listing at each pass then. */
  readonly unwatched: number
  readonly openFds: number
  readonly triggers: number
  readonly stallsDropped: number
  /** Kills for which there was no room until they were taken. */
  readonly killsDropped: number
  /** Why the kernel's log is not read, as an errno name; undefined when it is, or nobody asked for it. */
  readonly logError: string | undefined
  /** Times the kernel had overwritten its log before it was read. */
  readonly logOverruns: number
  readonly nativeBytes: number
  /** CPU time of the reader's thread. */
  readonly threadCpuNs: number
}

/**
 * Follows and reads all cgroups below a root on a thread of its own, with directories and files held open. What a cgroup had
 * used is read when its last process has left, so one that lives shorter than the interval is not lost.
 */
export interface CgroupReader {
  /** Reads all of them now; undefined when the reader is closed meanwhile, or its thread ended. One at a time: a second call joins the first. */
  sample(): Promise<CgroupPass | undefined>
  /** Does not read these any more. Their ends are still told. */
  ignore(keys: readonly number[]): void
  /** Has the kernel tell of stalls of one cgroup until it ends; false when there are too many triggers. */
  arm(key: number, trigger: PressureTrigger): boolean
  /** As of the last pass. */
  stats(): CgroupStats
  /** Ends the thread and closes every descriptor. Safe twice. */
  close(): void
}

/** A reader, or why there is none and what to do. */
export type CgroupOpening = { readonly reader: CgroupReader } | { readonly unavailable: string }

export type OnStalls = (stalls: readonly PressureStall[]) => void
export type OnKills = (kills: readonly MemoryKill[], losses: readonly MemoryLoss[]) => void
