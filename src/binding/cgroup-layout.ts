import type { CgroupSample, IoDevice, Pressure } from './cgroup-source.js'

/** Order of a row's fields; native/core/cgroup/sample.h holds the same list, and a reader compares the two when it is made. */
export const cgroupFields: readonly string[] = `
  cpuUsageUsec cpuUserUsec cpuSystemUsec cpuPeriods cpuThrottledPeriods cpuThrottledUsec
  memoryCurrent memoryPeak memoryMax memoryMaxUnlimited memorySwapCurrent
  memoryEvents.low memoryEvents.high memoryEvents.max memoryEvents.oom memoryEvents.oom_kill memoryEvents.oom_group_kill
  memoryStat.anon memoryStat.file memoryStat.kernel memoryStat.kernel_stack memoryStat.pagetables memoryStat.sock
  memoryStat.shmem memoryStat.file_mapped memoryStat.file_dirty memoryStat.file_writeback memoryStat.inactive_file
  memoryStat.slab_reclaimable memoryStat.slab_unreclaimable memoryStat.slab
  pidsCurrent pidsMax pidsMaxUnlimited
  cpuPressure.someTotal cpuPressure.someAvg10 cpuPressure.fullTotal cpuPressure.fullAvg10
  memoryPressure.someTotal memoryPressure.someAvg10 memoryPressure.fullTotal memoryPressure.fullAvg10
  ioPressure.someTotal ioPressure.someAvg10 ioPressure.fullTotal ioPressure.fullAvg10
  populated frozen
  ioDevices`
  .trim()
  .split(/\s+/)

/** Words before the fields: presence bits, whether the cgroup was read, start of its devices. */
const kHeaderWords = 3
export const rowWords = kHeaderWords + cgroupFields.length
const kDeviceWords = 5

/** What one native read gives: a row of 64-bit words per cgroup asked for, and the devices of all of them. */
export interface CgroupRows {
  readonly rows: BigUint64Array
  readonly devices: BigUint64Array
}

/** A field's name in the sample and its place in the row. */
type Key = readonly [name: string, field: number]

const keyed = (...names: readonly string[]): readonly Key[] => names.map((name) => [name, cgroupFields.indexOf(name)])
const keyedBelow = (group: string): readonly Key[] =>
  cgroupFields.flatMap((name, field) => (name.startsWith(`${group}.`) ? [[name.slice(group.length + 1), field]] : []))

const flagKeys = keyed('memoryMaxUnlimited', 'pidsMaxUnlimited', 'populated', 'frozen')
const ioDevices = cgroupFields.indexOf('ioDevices')
const numberKeys = keyed(...cgroupFields.slice(0, ioDevices).filter((name) => !name.includes('.'))).filter(
  ([name]) => !flagKeys.some(([flag]) => flag === name),
)
const eventKeys = keyedBelow('memoryEvents')
const statKeys = keyedBelow('memoryStat')
const pressureKeys = (['cpuPressure', 'memoryPressure', 'ioPressure'] as const).map(
  (name): Key => [name, cgroupFields.indexOf(`${name}.someTotal`)],
)

/** Turns row `index` into a sample; undefined when the cgroup was gone. Absent fields stay absent. */
export function decodeSample({ rows, devices }: CgroupRows, index: number): CgroupSample | undefined {
  const row = index * rowWords
  if (rows[row + 1] === 0n) return undefined
  const present = rows[row]!
  const low = Number(present & 0xffff_ffffn)
  const high = Number(present >> 32n)
  const has = (field: number): boolean => (field < 32 ? (low >>> field) & 1 : (high >>> (field - 32)) & 1) === 1
  const value = (field: number): bigint => rows[row + kHeaderWords + field]!

  const sample: Record<string, unknown> = {}
  for (const [name, field] of numberKeys) if (has(field)) sample[name] = value(field)
  for (const [name, field] of flagKeys) if (has(field)) sample[name] = value(field) !== 0n
  for (const [name, field] of pressureKeys) if (has(field)) sample[name] = decodePressure(field, has, value)
  const events = decodeGroup(eventKeys, has, value)
  if (events !== undefined) sample['memoryEvents'] = events
  const stat = decodeGroup(statKeys, has, value)
  if (stat !== undefined) sample['memoryStat'] = stat
  if (has(ioDevices)) sample['io'] = decodeDevices(devices, Number(rows[row + 2]), Number(value(ioDevices)))
  return sample as CgroupSample
}

type Has = (field: number) => boolean
type Value = (field: number) => bigint

/** The keys of one file, or nothing when the file had none of them. */
function decodeGroup(keys: readonly Key[], has: Has, value: Value): Record<string, bigint> | undefined {
  let found: Record<string, bigint> | undefined
  for (const [name, field] of keys) {
    if (!has(field)) continue
    found ??= {}
    found[name] = value(field)
  }
  return found
}

function decodePressure(first: number, has: Has, value: Value): Pressure {
  const some = { someTotalUsec: value(first), someAvg10: Number(value(first + 1)) / 100 }
  if (!has(first + 2)) return some
  return { ...some, fullTotalUsec: value(first + 2), fullAvg10: Number(value(first + 3)) / 100 }
}

function decodeDevices(words: BigUint64Array, first: number, count: number): IoDevice[] {
  return Array.from({ length: count }, (_, i) => {
    const word = (first + i) * kDeviceWords
    const id = words[word]!
    return {
      device: `${id >> 32n}:${id & 0xffff_ffffn}`,
      readBytes: words[word + 1]!,
      writeBytes: words[word + 2]!,
      readOps: words[word + 3]!,
      writeOps: words[word + 4]!,
    }
  })
}
