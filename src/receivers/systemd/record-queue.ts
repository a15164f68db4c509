import type { RawEvent } from '../../data/event.js'
import type { SignalRecord } from '../../data/signal-record.js'
import type { GapReason } from '../../lib/systemd/source-event.js'
import type { UnitTracker } from '../../lib/systemd/unit-tracker.js'
import type { Surroundings } from './surroundings.js'
import type { UnitSelection } from './unit-selection.js'
import type { WatchOptions } from './watch-options.js'

/** A time in which units were not watched, not yet made good. */
export interface Gap {
  readonly reason: GapReason
  readonly lost: number
  /** The only units of which something was missed; without it, it may be any. */
  readonly units?: ReadonlySet<string>
}

/** Who is told what happens. */
type Fed = Pick<WatchOptions, 'tracker' | 'selection' | 'surroundings'>

/**
 * Feeds the tracker, or holds records back while states are being read: what happened during the reading must be told
 * after what the reading finds.
 */
export class RecordQueue {
  readonly #tracker: UnitTracker
  readonly #selection: UnitSelection
  readonly #surroundings: Surroundings | undefined
  readonly #max: number
  readonly #onDropped: (records: number) => void
  #held: SignalRecord[] | undefined
  #overflowed: Overflow | undefined
  /** In this session systemd was seen leaving the bus. */
  #absent = false
  /** systemd came back to the bus in the middle of a reload: it was executed anew. */
  #newOwner = false
  #reload: number | undefined
  #reloads = 0
  #gap: Gap | undefined
  #missedSinceUsec = 0

  /**
   * @param max - records held back at most
   * @param onDropped - told of those that came when so many were held; they are gone, and their units are read once more
   */
  constructor({ tracker, selection, surroundings }: Fed, max: number, onDropped: (records: number) => void) {
    this.#tracker = tracker
    this.#selection = selection
    this.#surroundings = surroundings
    this.#max = max
    this.#onDropped = onDropped
  }

  get gap(): Gap | undefined {
    return this.#gap
  }

  /** Where there is a gap, when it began at the earliest, microseconds since 1970. */
  get missedSinceUsec(): number {
    return this.#missedSinceUsec
  }

  /** The number of the reload under way; no two have the same. */
  get reload(): number | undefined {
    return this.#reload
  }

  /** The reload under way is over, though nothing told so. */
  endReload(): void {
    this.#reload = undefined
    this.#tracker.endReloading()
    this.noteGap('reexec')
  }

  /**
   * A new connection, whose records wait for a reading. What the last one was in the middle of is over, and what it still
   * held back (it ended before its first reading) is older than the reading to come, which shows all that.
   */
  begin(): void {
    this.#absent = false
    this.#newOwner = false
    this.#overflowed = undefined
    this.#held = []
    this.#reload = undefined
    this.#tracker.endReloading()
  }

  /** From here records are held back, until `resume`. */
  pause(): void {
    this.#held ??= []
  }

  /** Notes that states must be read again, of `units` or of all. The graver reason stays; lost records add up. */
  noteGap(reason: GapReason, lost = 0, units?: ReadonlySet<string>): void {
    const gap = this.#gap
    if (gap === undefined) this.#missedSinceUsec = this.#tracker.missedSinceUsec
    const graver = gap === undefined || gravity.indexOf(reason) > gravity.indexOf(gap.reason)
    const few = gap === undefined ? units : union(gap.units, units)
    this.#gap = {
      reason: graver ? reason : gap.reason,
      lost: (gap?.lost ?? 0) + lost,
      ...(few === undefined ? {} : { units: few }),
    }
    this.pause()
  }

  /** States were read again. */
  closeGap(): void {
    this.#gap = undefined
  }

  /** Feeds records in order, up to one after which states must be read again; the rest is held. */
  take(records: readonly SignalRecord[]): RawEvent[] {
    const events: RawEvent[] = []
    const before = this.#overflowed?.records ?? 0
    for (const record of records) {
      if (this.#held === undefined) events.push(...this.#feed(record))
      else if (this.#held.length < this.#max) this.#held.push(record)
      else this.#overflowed = (this.#overflowed ?? new Overflow()).add(record)
    }
    const dropped = (this.#overflowed?.records ?? 0) - before
    if (dropped > 0) this.#onDropped(dropped)
    return events
  }

  /** Feeds what was held back; it may bring the next gap, which holds the rest. */
  resume(): RawEvent[] {
    const held = this.#held ?? []
    this.#held = undefined
    const events = this.take(this.#afterReload(held))
    if (this.#overflowed !== undefined) {
      this.noteGap('lost_records', this.#overflowed.records, this.#overflowed.units)
      this.#overflowed = undefined
    }
    return events
  }

  /**
   * Leaves out what was announced in a reload whose beginning was not seen, since the connection was made in its middle or
   * its record was lost: every unit is said to be gone, and none is.
   */
  #afterReload(held: readonly SignalRecord[]): readonly SignalRecord[] {
    if (this.#tracker.reloading) return held
    const first = held.findIndex(({ kind }) => kind === 'reloading')
    const record = held[first]
    if (record?.kind !== 'reloading' || record.active) return held
    return held.filter((one, index) => index >= first || !('unit' in one))
  }

  #feed(record: SignalRecord): RawEvent[] {
    if ('unit' in record && !this.#selection.accepts(record.unit)) {
      if (this.#surroundings !== undefined && !this.#tracker.reloading) note(record, this.#surroundings)
      return []
    }
    const events = this.#tracker.feed(record)
    if (record.kind === 'reloading') {
      this.#reload = record.active ? ++this.#reloads : undefined
      if (record.active) this.#newOwner = false
      else this.noteGap(this.#newOwner ? 'reexec' : 'reload')
    } else if (record.kind === 'owner_changed') this.#ownerChanged(record.present)
    else if (record.kind === 'lost') this.noteGap('lost_records', record.count)
    return events
  }

  #ownerChanged(present: boolean): void {
    const returned = present && this.#absent
    this.#absent = !present
    // daemon-reexec is a reload in the middle of which systemd comes back to the bus: one gap, which ends with the reload.
    if (present && this.#tracker.reloading) this.#newOwner = true
    // Coming without having left is coming to a bus that was there first: the session's first reading waited for it.
    else if (returned) this.noteGap('reexec')
  }
}

/** In a reload every unit is announced, and all are listed after it. */
function note(record: SignalRecord, surroundings: Surroundings): void {
  if (record.kind === 'unit_new') surroundings.appeared(record.unit)
  else if (record.kind === 'unit_removed') surroundings.vanished(record.unit, Number(record.realtimeNs / 1000n))
}

/**
 * What came when no more could be held. Whose it was is known, so those units alone are read again: on a busy systemd a reading of
 * all takes so long that as many come in its time once more, and after it another would follow, for ever.
 */
class Overflow {
  records = 0
  /** Undefined once a record was among them that concerns all. */
  units: Set<string> | undefined = new Set()

  add(record: SignalRecord): this {
    this.records++
    if ('unit' in record) this.units?.add(record.unit)
    else this.units = undefined
    return this
  }
}

/** Of two sets of units; undefined is all there are. */
function union(
  a: ReadonlySet<string> | undefined,
  b: ReadonlySet<string> | undefined,
): ReadonlySet<string> | undefined {
  return a === undefined || b === undefined ? undefined : new Set([...a, ...b])
}

/** By how much may have been missed. After `reload` a comparison of states is enough; the others need every unit read. */
const gravity: readonly GapReason[] = ['missed_signals', 'reload', 'reexec', 'lost_records', 'bus_returned', 'bus_lost']
