import type { CgroupEntry, CgroupReading, CgroupSample, IoDevice, Pressure } from './cgroup-source.js'

/** Order of a row's fields; native/core/cgroup/sample.h holds the same list, and a reader compares the two when it is made. */
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

/** key, state, time of the reading, start of its devices; native/core/cgroup/pass.h. */
const kHeaderWords = 4
export const rowWords = kHeaderWords + cgroupFields.length
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

/** A field's name in the sample and its place in the row. */
type Key = readonly [name: string, field: number]

const keyed = (...names: readonly string[]): readonly Key[] => names.map((name) => [name, fieldAt(name)])
const keyedBelow = (group: string): readonly Key[] =>
  cgroupFields.flatMap((name) => (name.startsWith(`${group}.`) ? [[name.slice(group.length + 1), fieldAt(name)]] : []))

function fieldAt(name: string): number {
  return kHeaderWords + cgroupFields.indexOf(name)
}

const flagKeys = keyed('memoryMaxUnlimited', 'memoryHighUnlimited', 'pidsMaxUnlimited', 'populated', 'frozen')
const ioDevices = fieldAt('ioDevices')
const numberKeys = keyed(...cgroupFields.slice(0, -1).filter((name) => !name.includes('.'))).filter(
  ([name]) => !flagKeys.some(([flag]) => flag === name),
)
const groupKeys = (['memoryEvents', 'memoryEventsLocal', 'memoryStat', 'pidsEvents'] as const).map(
  (name) => [name, keyedBelow(name)] as const,
)
const pressureKeys = (['cpuPressure', 'memoryPressure', 'ioPressure'] as const).map(
  (name): Key => [name, fieldAt(`${name}.someTotal`)],
)

/** Turns a row into a sample. Absent fields stay absent. */
export function decodeSample(words: Float64Array, rows: number, index: number): CgroupSample {
  const row = index * rowWords
  const sample: Record<string, unknown> = {}
  for (const [name, field] of numberKeys) {
    const value = words[row + field]!
    if (!Number.isNaN(value)) sample[name] = value
  }
  for (const [name, field] of flagKeys) {
    const value = words[row + field]!
    if (!Number.isNaN(value)) sample[name] = value !== 0
  }
  for (const [name, first] of pressureKeys) {
    const pressure = decodePressure(words, row + first)
    if (pressure !== undefined) sample[name] = pressure
  }
  for (const [name, keys] of groupKeys) {
    const group = decodeGroup(words, row, keys)
    if (group !== undefined) sample[name] = group
  }
  const devices = words[row + ioDevices]!
  if (!Number.isNaN(devices)) sample['io'] = decodeDevices(words, rows * rowWords, words[row + 3]!, devices)
  return sample as CgroupSample
}

/** The reading in row `index`. */
export function decodeReading(words: Float64Array, { rows, nowMs }: RawPass, index: number): CgroupReading {
  const row = index * rowWords
  const ended = words[row + 1] === 1
  const unread = ended && words.subarray(row + kHeaderWords, row + rowWords).every(Number.isNaN)
  const sample = unread ? undefined : decodeSample(words, rows, index)
  return { key: words[row]!, ended, ageMs: nowMs - words[row + 2]!, sample }
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

/** The keys of one file, or nothing when the file had none of them. */
function decodeGroup(words: Float64Array, row: number, keys: readonly Key[]): Record<string, number> | undefined {
  let found: Record<string, number> | undefined
  for (const [name, field] of keys) {
    const value = words[row + field]!
    if (Number.isNaN(value)) continue
    found ??= {}
    found[name] = value
  }
  return found
}

function decodePressure(words: Float64Array, at: number): Pressure | undefined {
  const someTotalUsec = words[at]!
  if (Number.isNaN(someTotalUsec)) return undefined
  const some = { someTotalUsec, someAvg10: words[at + 1]! / 100 }
  const fullTotalUsec = words[at + 2]!
  return Number.isNaN(fullTotalUsec) ? some : { ...some, fullTotalUsec, fullAvg10: words[at + 3]! / 100 }
}

function decodeDevices(words: Float64Array, table: number, first: number, count: number): IoDevice[] {
  return Array.from({ length: count }, (_, i) => {
    const word = table + (first + i) * deviceWords
    return {
      device: `${words[word]}:${words[word + 1]}`,
      readBytes: words[word + 2]!,
      writeBytes: words[word + 3]!,
      readOps: words[word + 4]!,
      writeOps: words[word + 5]!,
    }
  })
}
