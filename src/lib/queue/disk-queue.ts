import { join } from 'node:path'
import type { Items } from '../../data/batch.js'
import { Tally, totalOf } from '../../data/tally.js'
import { sleep } from '../../util/clock.js'
import { codeOf, isFull, tryWrite } from './disk.js'
import { fileName, kHeadBytes, kHeaderBytes, kNoteBytes, kNotesStart } from './format.js'
import { createSegment, type LoadOptions, loadSegments } from './load.js'
import type { Appended, DiskQueueOptions, QueueOwner } from './owner.js'
import { quarantine } from './quarantine.js'
import type { Entry, Kept, Place, Segment } from './segment.js'
import { Trouble } from './trouble.js'
import { signalsOf, takeTogether, type Waiting } from './waiting.js'

/** So many files at most; each start that finds a backlog begins a new one. */
const kMaxSegments = 4096
/** A segment takes an eighth of the queue: room comes back in such steps. */
const kSegmentsPerQueue = 8
const kMaxSegmentBytes = 32 * 1024 * 1024
/** More parts than this are copied together: a writev(2) takes 1024. */
const kMaxParts = 512

/**
 * A queue on disk: entries go in at one end, come out in the same order, and are gone when they are settled, in any order.
 * What was kept and not settled comes out again of the queue that is opened next.
 *
 * Writing is shared: what is appended while the disk is busy is one write and one fdatasync(2), on threads of libuv.
 */
export class DiskQueue {
  readonly #options: DiskQueueOptions
  readonly #owner: QueueOwner
  readonly #load: LoadOptions
  readonly #unlock: () => Promise<void>
  /** Oldest first. */
  #segments: Segment[]
  #active: Segment | undefined
  /** Whatever happens to it meanwhile, what is being written to it will be there: until then it is not let go of. */
  #writing: Segment | undefined
  #lastNumber: number
  #waiting: Waiting[] = []
  #committing: Promise<void> | undefined
  readonly #removing = new Set<Promise<void>>()
  readonly #closing = new AbortController()
  readonly #syncing: Promise<void>
  #unsynced = false
  readonly #items: Tally
  readonly #trouble: Trouble

  private constructor(
    options: DiskQueueOptions,
    owner: QueueOwner,
    load: LoadOptions,
    unlock: () => Promise<void>,
    segments: Segment[],
    lastNumber: number,
  ) {
    this.#options = options
    this.#owner = owner
    this.#load = load
    this.#unlock = unlock
    this.#segments = segments
    this.#lastNumber = lastNumber
    this.#trouble = new Trouble(owner, options.clock, (bytes) =>
      tryWrite(options.disk, join(options.folder, 'probe'), bytes, options.fsync !== 'never'),
    )
    this.#items = Tally.of({ unknown: segments.reduce((sum, segment) => sum + segment.unaccountedItems, 0) })
    this.#syncing = options.fsync === 'never' ? Promise.resolve() : this.#syncNowAndThen()
  }

  /**
   * Opens what is there, or begins. Files that are damaged do not keep it from starting.
   *
   * @returns the queue, and the items an earlier process left in it, those included that turn out to be lost
   * @throws RefusalError when going on would do harm; Error when another agent has it, or the disk cannot be used
   */
  static async open(options: DiskQueueOptions, owner: QueueOwner): Promise<{ queue: DiskQueue; restored: number }> {
    const { disk, folder } = options
    await disk.prepareFolder(folder)
    const unlock = await disk.lock(join(folder, 'lock'))
    try {
      const load = { disk, folder, onError: (error: unknown) => owner.error(codeOf(error)) }
      const { segments, unreadable, lastNumber } = await loadSegments(load)
      const queue = new DiskQueue(options, owner, load, unlock, segments, lastNumber)
      for (const one of unreadable) {
        owner.dropped({ unknown: one.items }, 'damaged')
        owner.damaged(one.files[0]!, one)
      }
      return { queue, restored: unreadable.reduce((sum, { items }) => sum + items, queue.items) }
    } catch (error) {
      await unlock()
      throw error
    }
  }

  /** Kept and not settled. */
  get items(): number {
    return this.#items.total
  }
  /** The same by signal; what an earlier process left is of an unknown one until it is read. */
  get signals(): Items {
    return this.#items
  }
  /** Of its files. */
  get bytes(): number {
    return this.#segments.reduce((sum, segment) => sum + segment.bytes, 0)
  }
  get segments(): number {
    return this.#segments.length
  }
  get hasUnread(): boolean {
    return this.#segments.some((segment) => this.#isToBeRead(segment))
  }

  /** Keeps entries, all or none; resolves when they are as safe as `fsync` says. Never rejects. */
  append(entries: readonly Entry[], wanted: () => boolean): Promise<Appended> {
    const bytes = entries.reduce((sum, { byteLength }) => sum + kHeadBytes + byteLength + kNoteBytes, 0)
    if (bytes > this.#segmentBytes * (kSegmentsPerQueue - 1)) return Promise.resolve({ kind: 'too_large' })
    if (this.#closing.signal.aborted) return Promise.resolve({ kind: 'refused', reason: 'the queue is closed' })
    return new Promise((answer) => {
      this.#waiting.push({ entries, bytes, wanted, answer })
      this.#committing ??= this.#commitAll()
    })
  }

  /**
   * The next entries that nobody has, in order, of some `maxBytes`. One call at a time. Empty: there are none; or, with `hasUnread`,
   * they cannot be read at this moment.
   */
  async read(maxBytes: number): Promise<readonly Kept[]> {
    for (;;) {
      const segment = this.#segments.find((one) => this.#isToBeRead(one))
      if (segment === undefined || this.#closing.signal.aborted) return []
      if (!segment.hasUnread) {
        await this.#closeBooks(segment)
        continue
      }
      try {
        const { kept, uncounted, known } = await segment.read(maxBytes, this.#owner.signalsOf)
        this.#trouble.reads()
        if (uncounted > 0) {
          this.#items.add({ unknown: uncounted })
          this.#owner.found(uncounted)
        }
        if (totalOf(known) > 0) {
          this.#items.add(known).subtract({ unknown: totalOf(known) })
          this.#owner.known(known)
        }
        if (kept.length > 0) return kept
      } catch (error) {
        if (this.#trouble.cannotRead(error)) return []
      }
      // Nothing came of what was to be there: no more is added to such a file.
      if (!segment.hasUnread && segment === this.#active && segment.unaccountedItems > 0) this.#seal(segment)
      else if (!segment.hasUnread && !segment.sealed) return []
    }
  }

  /** They are delivered, or given up and counted. Resolves when a restart would know. Never rejects. */
  async settle(places: readonly Place[]): Promise<void> {
    const touched = new Set<Segment>()
    for (const { segment, index, items, signals } of places) {
      if (!segment.settle(index)) continue
      this.#items.subtract(signals)
      segment.notes.add({ index, items, why: 'done' })
      touched.add(segment)
    }
    for (const segment of touched) if (!this.#removeIfDone(segment)) await segment.notes.flush()
  }

  /** Writes what is under way, and lets go of the folder. What is not settled stays in it. */
  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return
    this.#closing.abort()
    await this.#committing
    await this.#syncing
    await this.#trouble.close()
    if (this.#options.fsync !== 'never') for (const segment of this.#segments) await this.#sync(segment)
    if (this.#active !== undefined) this.#seal(this.#active)
    for (const segment of this.#segments)
      await segment.close().catch((error: unknown) => this.#trouble.cannotWrite(error))
    await Promise.all(this.#removing)
    await this.#unlock()
  }

  /** What is to be read of it is records, or that there are no more. */
  #isToBeRead(segment: Segment): boolean {
    return segment.hasUnread || (segment.sealed && !segment.booksClosed && segment !== this.#writing)
  }

  get #segmentBytes(): number {
    return Math.min(Math.ceil(this.#options.maxBytes / kSegmentsPerQueue), kMaxSegmentBytes)
  }

  async #commitAll(): Promise<void> {
    // What else is appended in this turn goes along.
    await Promise.resolve()
    while (this.#waiting.length > 0) {
      const { batch, bytes } = takeTogether(this.#waiting, this.#segmentBytes)
      await this.#commit(batch, bytes)
    }
    this.#committing = undefined
  }

  async #commit(batch: readonly Waiting[], bytes: number): Promise<void> {
    while (!this.#hasRoom(bytes)) {
      // What is delivered makes room; the one that is written to would else be kept until something fits beside it.
      if (this.#active !== undefined && this.#active.records > 0 && this.#active.isSettled) {
        this.#seal(this.#active)
        continue
      }
      if (this.#options.overflow === 'drop_oldest' && this.#dropOldest()) continue
      if (batch.length === 1) return this.#refuse(batch, 'the queue on disk is full', 'queue_full')
      // Some may fit where all do not.
      for (const one of batch) await this.#commit([one], one.bytes)
      return
    }
    // Twice: a segment whose file cannot grow, or whose sync failed, is left for a new one.
    for (let tries = 0; ; tries++) {
      try {
        if (await this.#write(batch, bytes)) return
        if (tries > 0) return this.#refuse(batch, this.#trouble.reason ?? 'the disk fails', 'disk_failed')
      } catch (error) {
        this.#trouble.cannotWrite(error, bytes)
        const mayHelp = isFull(error) && this.#options.overflow === 'drop_oldest'
        if (mayHelp && this.#dropOldest()) {
          await Promise.all(this.#removing)
          tries = 0
        } else return this.#refuse(batch, this.#trouble.reason ?? 'the disk fails', 'disk_failed')
      }
    }
  }

  /** @returns false when it is worth another try, in another segment. Rejects when it is not. */
  async #write(batch: readonly Waiting[], bytes: number): Promise<boolean> {
    const segment = await this.#segmentFor(bytes)
    this.#writing = segment
    try {
      return await this.#writeTo(segment, batch)
    } finally {
      this.#writing = undefined
      this.#removeIfDone(segment)
    }
  }

  async #writeTo(segment: Segment, batch: readonly Waiting[]): Promise<boolean> {
    const { chunks, after } = segment.encode(batch.flatMap(({ entries }) => entries))
    try {
      await segment.log.write(chunks.length > kMaxParts ? [Buffer.concat(chunks)] : chunks, segment.end)
    } catch (error) {
      // What part of it is there must not be behind what comes next.
      await segment.log.truncate(segment.end).catch(() => this.#seal(segment))
      if (codeOf(error) !== 'EFBIG' || segment.records === 0) throw error
      this.#trouble.cannotWrite(error)
      this.#seal(segment)
      return false
    }
    if (this.#options.fsync === 'always') {
      try {
        await segment.log.sync()
      } catch (error) {
        // The kernel has dropped the pages and forgets the error: a second fdatasync that succeeds says nothing.
        this.#trouble.cannotWrite(error)
        await segment.log.truncate(segment.end).catch(() => {})
        this.#seal(segment)
        return false
      }
    }
    await segment.notes.mark(after)
    this.#publish(segment, batch, after)
    return true
  }

  #publish(segment: Segment, batch: readonly Waiting[], after: Parameters<Segment['publish']>[0]): void {
    let index = segment.records
    let end = segment.end
    let caughtUp = !this.hasUnread && !segment.sealed
    const signals = signalsOf(batch)
    this.#items.add(signals)
    segment.publish(after, signals)
    this.#unsynced = true
    this.#trouble.writes()
    for (const { entries, wanted, answer } of batch) {
      caughtUp &&= wanted()
      const places: Place[] = []
      for (const entry of entries) {
        end += kHeadBytes + entry.byteLength
        if (caughtUp) places.push(segment.giveOut(index, entry, end))
        index++
      }
      answer(caughtUp ? { kind: 'kept', places } : { kind: 'kept' })
    }
  }

  async #segmentFor(bytes: number): Promise<Segment> {
    const active = this.#active
    if (active !== undefined && (active.records === 0 || active.bytes + bytes <= this.#segmentBytes)) return active
    if (active !== undefined) {
      await this.#sync(active)
      this.#seal(active)
    }
    const segment = await createSegment(this.#load, ++this.#lastNumber, this.#options.fsync !== 'never')
    this.#active = segment
    this.#segments.push(segment)
    return segment
  }

  #hasRoom(bytes: number): boolean {
    return (
      this.bytes + kNotesStart + kHeaderBytes + bytes <= this.#options.maxBytes && this.#segments.length < kMaxSegments
    )
  }

  /** Gives up the oldest segment that still has something to give. @returns false when there is none */
  #dropOldest(): boolean {
    for (const segment of this.#segments) {
      if (segment.isSettled && segment !== this.#active) continue // on its way out
      if (segment === this.#active) this.#seal(segment)
      this.#owner.evict((place) => place.segment === segment)
      const { signals } = segment.giveUpRest('done')
      this.#items.subtract(signals)
      this.#owner.dropped(signals, 'queue_full')
      if (!this.hasUnread) this.#trouble.reads() // nobody will read what could not be
      if (this.#removeIfDone(segment)) return true
      // Something of it is being sent at this moment: its room comes back with the answer.
      void segment.notes.flush()
    }
    return false
  }

  /** All of a segment was read: what did not come out of it is lost. */
  async #closeBooks(segment: Segment): Promise<void> {
    if (segment.unaccountedItems > 0) {
      const path = join(this.#options.folder, fileName(segment.number, 'log'))
      const kept = await quarantine(this.#load, [path, join(this.#options.folder, fileName(segment.number, 'done'))])
      const lost = segment.giveUpRest('lost')
      this.#items.subtract(lost.signals)
      this.#owner.dropped(lost.signals, 'damaged')
      this.#owner.damaged(path, { items: lost.items, kept })
      await segment.notes.flush()
    } else segment.giveUpRest('lost')
    this.#removeIfDone(segment)
  }

  #seal(segment: Segment): void {
    segment.sealed = true
    if (segment !== this.#writing && !segment.hasUnread && segment.unaccountedItems === 0) segment.closeBooks()
    if (this.#active === segment) this.#active = undefined
    this.#removeIfDone(segment)
  }

  /** @returns whether it is gone */
  #removeIfDone(segment: Segment): boolean {
    if (!segment.sealed || !segment.isSettled || segment === this.#writing) return false
    if (!this.#segments.includes(segment)) return true
    this.#segments = this.#segments.filter((one) => one !== segment)
    const removing = this.#remove(segment).catch((error: unknown) => this.#trouble.cannotWrite(error))
    this.#removing.add(removing)
    void removing.finally(() => this.#removing.delete(removing))
    return true
  }

  async #remove(segment: Segment): Promise<void> {
    const { disk, folder, fsync } = this.#options
    await segment.notes.flush()
    // A power cut that leaves the notes and not the log must not look as if something had been lost.
    if (fsync !== 'never') await segment.notes.sync()
    await segment.close()
    // The notes go last: they say that the log had nothing left.
    await disk.remove(join(folder, fileName(segment.number, 'log')))
    await disk.remove(join(folder, fileName(segment.number, 'done')))
  }

  async #syncNowAndThen(): Promise<void> {
    const { clock, intervalMs } = this.#options
    while (await sleep(clock, intervalMs, this.#closing.signal))
      for (const segment of this.#segments) await this.#sync(segment)
  }

  async #sync(segment: Segment): Promise<void> {
    await segment.notes.sync()
    if (!this.#unsynced || this.#options.fsync !== 'interval' || segment !== this.#active) return
    this.#unsynced = false
    try {
      await segment.log.sync()
    } catch (error) {
      this.#trouble.cannotWrite(error)
      this.#seal(segment)
    }
  }

  #refuse(batch: readonly Waiting[], reason: string, why: 'queue_full' | 'disk_failed'): void {
    for (const one of batch) {
      const { answer } = one
      if (this.#options.overflow === 'drop_newest') {
        this.#owner.dropped(signalsOf([one]), why)
        answer({ kind: 'dropped', reason })
      } else answer({ kind: 'refused', reason })
    }
  }
}
