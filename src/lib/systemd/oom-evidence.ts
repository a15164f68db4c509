import type { SharedKey } from '../../component/shared.js'

/** The kernel killed in a unit's cgroup for want of memory: one of its counters says so, or its log. */
export interface OomEvidence {
  readonly unit: string
  readonly scope: 'system' | 'user'
  /** Of the run whose process was killed; empty where the cgroup was gone when it was told. */
  readonly invocationId: string
  /** Path of the cgroup that it is told of: the unit's own, or one below. */
  readonly cgroup: string
  readonly below: boolean
  /** When it was read, microseconds since 1970. */
  readonly atUsec: number
  /** memory.events, oom_kill, of the cgroup with this inode and those below: until then, and now. */
  readonly counter?: { readonly id: number; readonly before: number; readonly after: number }
  /** Bytes, of the cgroup. */
  readonly peak?: number
  readonly limit?: number
  readonly victim?: OomVictim
}

export interface OomVictim {
  readonly pid: number
  readonly command: string
  /** The cgroup whose limit was met; empty when the machine itself had no memory left. */
  readonly limitedBy: string
}

/** A slice has counted kills that nothing in it had: they were in cgroups that were gone before their counters were read. */
export interface OomLoss {
  readonly scope: 'system' | 'user'
  /** Path of its cgroup. */
  readonly slice: string
  readonly kills: number
  /** Whole cgroups were killed at once (memory.oom.group) meanwhile. */
  readonly grouped: boolean
  /** Whoever it was is among the suspects. */
  readonly complete: boolean
  readonly suspects: readonly OomSuspect[]
}

/** A cgroup that ended with its counter unread. */
export interface OomSuspect {
  /** Empty where no unit made it. */
  readonly unit: string
  /** Empty when unknown, as of a cgroup that came and went unseen. */
  readonly invocationId: string
  readonly cgroup: string
  /** Inode; 0 when unknown. */
  readonly id: number
  /** Its memory.events had changed: it was at its limit, or lost somebody. False, too, where that is not known. */
  readonly stirred: boolean
  /** When it was found gone, microseconds since 1970. */
  readonly goneUsec: number
}

type Listener = (evidence: readonly OomEvidence[], losses: readonly OomLoss[]) => void

/**
 * Where who sees kills (the `cgroup` receiver) meets who knows the runs (the `systemd` receiver). Each works without the
 * other: what nobody listens to is let go, for its counters are metrics all the same.
 */
export class OomBoard {
  readonly #listeners = new Set<Listener>()
  #watchers = 0

  /** Whether anybody looks for kills: if not, what systemd says is all there is. */
  get watched(): boolean {
    return this.#watchers > 0
  }

  /** Somebody looks for kills from now on, until the answer is called. */
  watch(): () => void {
    this.#watchers++
    return () => {
      this.#watchers--
    }
  }

  tell(evidence: readonly OomEvidence[], losses: readonly OomLoss[] = []): void {
    for (const listener of this.#listeners) listener(evidence, losses)
  }

  /** Hears all that is told from now on, until the answer is called. */
  listen(listener: Listener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
}

export const oomBoard: SharedKey<OomBoard> = { name: 'systemd.oom', make: () => new OomBoard() }
