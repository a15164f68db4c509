import { cgroupFields, deviceWords, fieldsBelow, ioDevices } from '../../src/binding/cgroup-layout.js'
import type { CgroupNumbers } from '../../src/binding/cgroup-source.js'

// The numbers of a reading as a person would write them, and back. A field that is absent is not there.

export interface Pressure {
  readonly someTotalUsec: number
  readonly fullTotalUsec?: number
  /** Percent. */
  readonly someAvg10: number
  readonly fullAvg10?: number
}

export interface IoDevice {
  /** `major:minor`. */
  readonly device: string
  readonly readBytes: number
  readonly writeBytes: number
  readonly readOps: number
  readonly writeOps: number
}

const groups = ['memoryStat', 'memoryEvents', 'memoryEventsLocal', 'pidsEvents'] as const
const pressures = ['cpuPressure', 'memoryPressure', 'ioPressure'] as const
const flags = ['memoryMaxUnlimited', 'memoryHighUnlimited', 'pidsMaxUnlimited', 'populated', 'frozen'] as const
const plain = cgroupFields.filter((name) => !name.includes('.') && !flags.some((flag) => flag === name)).slice(0, -1)

export type CgroupSample = Partial<
  Record<
    | 'cpuUsageUsec'
    | 'cpuUserUsec'
    | 'cpuSystemUsec'
    | 'cpuPeriods'
    | 'cpuThrottledPeriods'
    | 'cpuThrottledUsec'
    | 'memoryCurrent'
    | 'memoryPeak'
    | 'memoryMax'
    | 'memoryHigh'
    | 'memorySwapCurrent'
    | 'pidsCurrent'
    | 'pidsMax',
    number
  > &
    Record<(typeof flags)[number], boolean> &
    Record<(typeof groups)[number], Readonly<Record<string, number>>> &
    Record<(typeof pressures)[number], Pressure> & { readonly io: readonly IoDevice[] }
>

const pressureFields = ['someTotalUsec', 'someAvg10', 'fullTotalUsec', 'fullAvg10'] as const
const perWord = { someTotalUsec: 1, fullTotalUsec: 1, someAvg10: 100, fullAvg10: 100 } as const

export function numbersOf(sample: CgroupSample): CgroupNumbers {
  const devices = sample.io ?? []
  const words = new Float64Array(cgroupFields.length + devices.length * deviceWords).fill(Number.NaN)
  const set = (name: string, value: number | boolean | undefined): void => {
    if (value !== undefined) words[cgroupFields.indexOf(name)] = Number(value)
  }
  for (const name of [...plain, ...flags]) set(name, (sample as Record<string, number | boolean>)[name])
  for (const group of groups)
    for (const [key, value] of Object.entries(sample[group] ?? {})) set(`${group}.${key}`, value)
  for (const name of pressures) {
    for (const field of pressureFields) {
      const value = sample[name]?.[field]
      set(`${name}.${field.replace('Usec', '')}`, value === undefined ? undefined : value * perWord[field])
    }
  }
  if (sample.io !== undefined) words[ioDevices] = devices.length
  for (const [i, { device, readBytes, writeBytes, readOps, writeOps }] of devices.entries()) {
    const id = device.split(':').map(Number)
    words.set([...id, readBytes, writeBytes, readOps, writeOps], cgroupFields.length + i * deviceWords)
  }
  return { words, at: 0, devicesAt: cgroupFields.length }
}

export function sampleOf(numbers: CgroupNumbers | undefined): CgroupSample | undefined {
  if (numbers === undefined) return undefined
  const { words, at, devicesAt } = numbers
  const fields = Array.from(words.subarray(at, at + cgroupFields.length))
  const present = <T>(entries: readonly (readonly [string, T])[], isAbsent: (value: T) => boolean) =>
    Object.fromEntries(entries.filter(([, value]) => !isAbsent(value)))
  const value = (name: string): number => fields[cgroupFields.indexOf(name)]!
  const keys = (group: string) =>
    present(
      fieldsBelow(group).map(([key, field]) => [key, fields[field]!]),
      Number.isNaN,
    )
  const pressure = (name: string) =>
    present(
      pressureFields.map((field) => [field, value(`${name}.${field.replace('Usec', '')}`) / perWord[field]]),
      Number.isNaN,
    )
  const isEmpty = (group: object): boolean => Object.keys(group).length === 0
  const io = Array.from({ length: fields[ioDevices]! || 0 }, (_, i) => {
    const [major, minor, readBytes, writeBytes, readOps, writeOps] = words.subarray(devicesAt + i * deviceWords)
    return { device: `${major}:${minor}`, readBytes, writeBytes, readOps, writeOps }
  })
  return {
    ...present(
      plain.map((name) => [name, value(name)]),
      Number.isNaN,
    ),
    ...Object.fromEntries(flags.filter((name) => !Number.isNaN(value(name))).map((name) => [name, value(name) !== 0])),
    ...present(
      groups.map((name) => [name, keys(name)]),
      isEmpty,
    ),
    ...present(
      pressures.map((name) => [name, pressure(name)]),
      isEmpty,
    ),
    ...(Number.isNaN(fields[ioDevices]!) ? {} : { io }),
  } as CgroupSample
}
