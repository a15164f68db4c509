import type { NumberPoint } from '../../data/metric.js'
import type { Growing } from '../../lib/growth/growing.js'
import { Growth, type SavedGrowth } from '../../lib/growth/growth.js'
import type { DetectorContext, Unit } from '../../lib/patterns/detector.js'
import { readUnitName, type SavedUnitName, savedUnitName } from '../../lib/patterns/saved-unit.js'
import { UnitTable } from '../../lib/patterns/unit-table.js'
import { readTimes, savedTimes } from '../../lib/storage/saved-values.js'
import { filesystem } from '../../lib/systemd/names.js'
import type { Forecast } from './forecast.js'

/** One in the state file: times are microseconds since 1970. */
export interface SavedDisk extends SavedUnitName {
  readonly key: string
  readonly seenUsec: number
  readonly growth: SavedGrowth
}

interface Disk {
  readonly unit: Unit
  readonly growth: Growth
  seenMs: number
}

/** Disks fill for other reasons than leaks: what counts is that it goes on, and that the disk will be full. */
const diskGrowth = {
  windowMs: 60_000,
  warmUpMs: 0,
  minDurationMs: 1_800_000,
  longMs: 86_400_000,
  leastShare: 0.02,
  least: 16 * 2 ** 20,
  falseAlarmsPerWeek: 0.01,
}
/** Of each machine that is told of: one, but in a recording of several. */
const kMaxDisks = 16

/** How full disks are, and whether they fill. */
export class Disks {
  readonly #context: DetectorContext
  readonly #disks: UnitTable<Disk>

  constructor(context: DetectorContext) {
    this.#context = context
    this.#disks = new UnitTable(kMaxDisks, () => context.evicted())
  }

  /** @param points - of `system.filesystem.usage` */
  read(unit: Unit, points: readonly NumberPoint[], atMs: number): Growing | undefined {
    let [used, free] = [Number.NaN, Number.NaN]
    for (const { attributes, value } of points) {
      if (attributes[filesystem.state] === 'used') used = Number(value)
      else if (attributes[filesystem.state] === 'free') free = Number(value)
    }
    if (Number.isNaN(used + free)) return undefined
    let disk = this.#disks.get(unit.key)
    if (disk === undefined) {
      disk = { unit, growth: new Growth(diskGrowth), seenMs: atMs }
      this.#disks.set(unit.key, disk)
    }
    disk.seenMs = atMs
    return disk.growth.add(atMs, used, used + free)
  }

  save(): readonly SavedDisk[] {
    return Array.from(this.#disks.values(), ({ unit, growth, seenMs }) => {
      const times = savedTimes(this.#context, seenMs)
      return { key: unit.key, ...savedUnitName(unit), seenUsec: times.usec(seenMs), growth: growth.save(times) }
    })
  }

  /** @throws where it is not of the form that `save` gives */
  readSaved(saved: readonly SavedDisk[]): readonly Disk[] {
    const disks = saved.slice(-kMaxDisks).map((one): Disk => {
      const times = readTimes(this.#context, one.seenUsec)
      const growth = new Growth(diskGrowth)
      growth.restore(one.growth, times)
      return { unit: readUnitName(one.key, one), growth, seenMs: times.ms(one.seenUsec) }
    })
    if (new Set(disks.map(({ unit }) => unit.key)).size !== disks.length) throw new Error('a disk is there twice')
    return disks
  }

  /** Goes on with what `readSaved` gave. */
  restore(disks: readonly Disk[]): void {
    for (const disk of disks) this.#disks.set(disk.unit.key, disk)
  }
}

export function ofDisk(unit: Unit, { atMs, toLimit, confidence, limit, current, slope }: Growing): Forecast {
  return {
    unit,
    subject: 'disk',
    basis: 'growth',
    atMs,
    likelyMs: atMs + toLimit.likelyMs,
    earliestMs: atMs + toLimit.earliestMs,
    latestMs: atMs + toLimit.latestMs,
    confidence,
    run: '',
    more: { limit, current: Math.round(current), slope: Number((slope * 1000).toPrecision(6)) },
    periodMs: 0,
    byClock: false,
  }
}
