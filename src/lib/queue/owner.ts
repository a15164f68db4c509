import type { Items } from '../../data/batch.js'
import type { Clock } from '../../util/clock.js'
import type { Disk } from './disk.js'
import type { Place, SignalsOf } from './segment.js'

/** When an entry counts as kept: `always` once it is on the disk, else once the kernel has it. */
export type Fsync = 'always' | 'interval' | 'never'
/** What gives when there is no room. */
export type Overflow = 'block' | 'drop_oldest' | 'drop_newest'

export interface DiskQueueOptions {
  /** The queue's own; one agent at a time. */
  readonly folder: string
  /** Of all its files, those of damaged segments apart. */
  readonly maxBytes: number
  readonly fsync: Fsync
  /** Between two syncs with `interval`; and of what was settled, with `always`, too. */
  readonly intervalMs: number
  readonly overflow: Overflow
  readonly clock: Clock
  readonly disk: Disk
}

/** Whose the entries are. */
export interface QueueOwner {
  /** Gives up what it holds of these and is not sending at this moment: counts and settles it. */
  evict(isOf: (place: Place) => boolean): void
  readonly signalsOf: SignalsOf
  /** Counts items that are lost to it. */
  dropped(items: Items, reason: 'queue_full' | 'damaged' | 'disk_failed'): void
  /** A call of the system failed; `code` as errno(3) names it. */
  error(code: string): void
  /** Nothing can be written (with the reason), and again: undefined. */
  trouble(reason: string | undefined): void
  /** So much of this file was damaged; `kept`: it is in the folder `damaged`, else the disk did not allow for that. */
  damaged(path: string, lost: { readonly items: number; readonly kept: boolean }): void
  /** Items came out that `restored` did not count: a power cut took the notes which say that they are settled. */
  found(items: number): void
  /** Of `restored` and `found` these came out now, so their signals are known. */
  known(items: Items): void
}

export type Appended =
  /** `places`: the owner goes on with what it has in memory; without, it will be read when its turn comes. */
  | { readonly kind: 'kept'; readonly places?: readonly Place[] }
  /** The caller still has them. */
  | { readonly kind: 'refused'; readonly reason: string }
  /** Counted. */
  | { readonly kind: 'dropped'; readonly reason: string }
  | { readonly kind: 'too_large' }
