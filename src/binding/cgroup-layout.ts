import type { CgroupEntry, CgroupReading } from './cgroup-source.js'

/**
 * Order of a row's fields. Times are microseconds, averages of pressure hundredths of a percent, flags 0 or 1; the keys of
 * memory.events and memory.stat are the kernel's. native/core/cgroup/sample.h holds the same list, and a reader compares the
 * two when it is made.
 */
export const cgroupFields: readonly string[] = `
  cpuUsageUsec cpuUserUsec cpuSystemUsec cpuPeriods cpuThrottledPeriods cpuThrottledUsec
  memoryCurrent memoryPeak memoryMax memoryMaxUnlimited memoryHigh memoryHighUnlimited memorySwapCurrent
  memoryEvents.low memoryEvents.high memoryEvents.max memoryEvents.oom memoryEvents.oom_kill memoryEvents.oom_group_kill
  memoryEventsLocal.low memoryEventsLocal.high memoryEventsLocal.max memoryEventsLocal.oom memoryEventsLocal.oom_kill
  memoryEventsLocal.oom_group_kill
  memoryStat.anon memoryStat.file memoryStat.kernel memoryStat.kernel_stack memoryStat.pagetables memoryStat.sock
  memoryStat.shmem memoryStat.file_mapped memoryStat.file_dirty memoryStat.file_writeback memoryStat.inactive_file
  memoryStat.slab_reclaimable memoryStat.slab_unreclaimable memoryStat.slab
  pidsCurrent pidsMax pidsMaxUnlimited pidsEvents.max
  cpuPressure.someTotal cpuPressure.someAvg10 cpuPressure.fullTotal cpuPressure.fullAvg10
  memoryPressure.someTotal memoryPressure.someAvg10 memoryPressure.fullTotal memoryPressure.fullAvg10
  ioPressure.someTotal ioPressure.someAvg10 ioPressure.fullTotal ioPressure.fullAvg10
  populated frozen
  ioDevices`
  .trim()
  .split(/\s+/)

/** The place of a field in a row. */
export function fieldAt(name: string): number {
  const field = cgroupFields.indexOf(name)
  if (field < 0) throw new Error(`no field of a cgroup's row is called ${name}`)
  return field
}

/** Fields of one file by the kernel's keys, `memoryStat.anon` as `anon`. */
export function fieldsBelow(group: string): readonly (readonly [key: string, field: number])[] {
  return cgroupFields.flatMap((name, field) =>
    name.startsWith(`${group}.`) ? [[name.slice(group.length + 1), field] as const] : [],
  )
}

/** How many block devices a row has. */
export const ioDevices = fieldAt('ioDevices')
/** key, state, time of the reading, start of its devices; native/core/cgroup/pass.h. */
const kHeaderWords = 4
export const rowWords = kHeaderWords + cgroupFields.length
/** major, minor, bytes read, bytes written, reads, writes. */
export const deviceWords = 6
export const entryWords = 3
const kInvocationDigits = 32

/** What one native pass gives: three tables of doubles in one, NaN for absent, and the names of what is new. */
export interface RawPass {
  readonly rows: number
  readonly devices: number
  readonly entries: number
  /** Joined by NUL. */
  readonly paths: string
  /** 32 characters each. */
  readonly invocations: string
  readonly nowMs: number
  readonly rootGone: boolean
}

/** The reading in row `index`. */
export function decodeReading(words: Float64Array, { rows, nowMs }: RawPass, index: number): CgroupReading {
  const row = index * rowWords
  const at = row + kHeaderWords
  const ended = words[row + 1] === 1
  const unread = ended && words.subarray(at, row + rowWords).every(Number.isNaN)
  const devicesAt = rows * rowWords + words[row + 3]! * deviceWords
  return {
    key: words[row]!,
    ended,
    ageMs: nowMs - words[row + 2]!,
    numbers: unread ? undefined : { words, at, devicesAt },
  }
}

/** The cgroups told of for the first time, or again. */
export function decodeEntries(words: Float64Array, pass: RawPass): CgroupEntry[] {
  if (pass.entries === 0) return []
  const first = pass.rows * rowWords + pass.devices * deviceWords
  return pass.paths.split('\0').map((path, i) => {
    const word = first + i * entryWords
    const made = words[word + 2]!
    return {
      key: words[word]!,
      path,
      id: words[word + 1]!,
      invocationId: pass.invocations.slice(i * kInvocationDigits, (i + 1) * kInvocationDigits).trim(),
      ageMs: Number.isNaN(made) ? undefined : pass.nowMs - made,
    }
  })
}
