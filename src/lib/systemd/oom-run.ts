import type { OomEvidence, OomVictim } from './oom-evidence.js'

/** What told of a kill, as `systemd.event.evidence` has it: systemd's Result, the kernel's counter, that of the slice, its log. */
export type OomSource = 'result' | 'memory.events' | 'slice.memory.events' | 'kernel_log'

/** What is known of the kills in one run when they are told. */
export interface OomReport {
  readonly sources: readonly OomSource[]
  /** Processes killed since the last report of this run. */
  readonly kills: number
  /** The counter of the unit's cgroup, at the last report and now. */
  readonly counter: { readonly before: number; readonly after: number } | undefined
  /** Bytes, of the unit's cgroup. */
  readonly peak: number | undefined
  readonly limit: number | undefined
  /** The first of them that the log named. */
  readonly victim: OomVictim | undefined
  /** The cgroup below the unit's in which it was; empty when it was the unit's own, or nobody knows. */
  readonly below: string
  /** The run has not ended, and systemd does not stop it. */
  readonly survived: boolean
  /** Microseconds since 1970; 0 where only systemd told. */
  readonly atUsec: number
}

/** PIDs and cgroups told apart, the last ones: what tells of one kill comes within seconds. */
const kMaxTold = 64

/** What was told since the last report. */
interface News {
  readonly sources: Set<OomSource>
  victim?: OomVictim
  below: string
  peak?: number
  limit?: number
  atUsec: number
}

const noNews = (): News => ({ sources: new Set(), below: '', atUsec: 0 })

/**
 * The kills in one run, from all that tells of them, in whichever order it comes.
 *
 * A run that dies of them has one report, however many processes went with it. One that lives on has one each time.
 */
export class OomRun {
  readonly invocationId: string
  /** By inode: the unit's own cgroup, of which there is one, unless it was made again within the run. */
  readonly #counters = new Map<number, { before: number; after: number }>()
  readonly #pids = new Set<number>()
  /** All that were named; a run may lose a worker each hour for years. */
  #named = 0
  /** That only the slice has counted, beyond what the cgroup had told. */
  #lost = 0
  /** Anything has told of a kill, if not of which. */
  #any = false
  /** When its counter told last, and when the kernel did; microseconds since 1970. */
  #countedUsec = Number.NEGATIVE_INFINITY
  #toldUsec = Number.NEGATIVE_INFINITY
  #byResult = false
  #ended = false
  #reported = 0
  #counterReported = 0
  /** What comes now is of the end that was reported. */
  #closed = false
  /** Reported a moment ago: an end that is seen now is the same matter. */
  #recent = false
  /** There were kills that it had not outlived when it ended. */
  #dead = false
  #news = noNews()

  constructor(invocationId: string) {
    this.invocationId = invocationId
  }

  /** Whether the kernel counted a process whose name nobody has told yet. */
  get lacksVictim(): boolean {
    return this.#counted + this.#lost > this.#named
  }

  /**
   * What has told of a kill since then (microseconds since 1970): the counter of its cgroup, or something else. One that lost a worker
   * hours ago has had no other for it.
   */
  toldBy(sinceUsec: number): 'counter' | 'other' | undefined {
    if (this.#countedUsec >= sinceUsec) return 'counter'
    return this.#byResult || this.#lost > 0 || this.#toldUsec >= sinceUsec ? 'other' : undefined
  }

  /** Whether it died of a kill, as far as is known: not if it ended long after. */
  get died(): boolean {
    return this.#dead || ((this.#ended || this.#byResult) && this.#kills > this.#reported)
  }

  add({ counter, below, cgroup, victim, peak, limit, atUsec }: OomEvidence): void {
    const news = this.#news
    this.#any = true
    if (counter !== undefined) news.sources.add('memory.events')
    this.#toldUsec = Math.max(this.#toldUsec, atUsec)
    if (counter !== undefined && !below) {
      this.#count(counter)
      this.#countedUsec = Math.max(this.#countedUsec, atUsec)
    }
    if (victim !== undefined && !this.#pids.has(victim.pid)) {
      this.#pids.add(victim.pid)
      if (this.#pids.size > kMaxTold) this.#pids.delete(this.#pids.values().next().value!)
      this.#named++
      news.sources.add('kernel_log')
      news.victim ??= victim
    }
    // The deepest names it best.
    if (below && cgroup.length > news.below.length) news.below = cgroup
    if (!below && peak !== undefined) news.peak = peak
    if (!below && limit !== undefined) news.limit = limit
    if (news.atUsec === 0 || atUsec < news.atUsec) news.atUsec = atUsec
  }

  /** The slice has counted so many when this run's cgroup was gone. */
  addLost(kills: number, atUsec: number): void {
    const news = this.#news
    this.#any = true
    this.#lost = Math.max(this.#lost, kills)
    news.sources.add('slice.memory.events')
    if (news.atUsec === 0 || atUsec < news.atUsec) news.atUsec = atUsec
  }

  /** systemd says that it stops the run because of a kill, or that it ended so. */
  addResult(): void {
    this.#any = true
    this.#byResult = true
    this.#news.sources.add('result')
    this.#close()
  }

  /** It has ended, of whatever. */
  end(): void {
    this.#ended = true
    this.#close()
  }

  /** Whether there is something to report, and whether all that may tell more of it has. */
  get state(): 'nothing' | 'waits' | 'complete' {
    if (this.#closed || this.#kills <= this.#reported) return 'nothing'
    const { sources } = this.#news
    const byKernel = sources.size > (sources.has('result') ? 1 : 0)
    return (this.died && byKernel) || (this.#ended && this.#byResult) ? 'complete' : 'waits'
  }

  report(): OomReport {
    const { sources, victim, below, peak, limit, atUsec } = this.#news
    let counter: OomReport['counter']
    for (const { before, after } of this.#counters.values())
      counter = { before: Math.min(before + this.#counterReported, after), after }
    const kills = this.#kills - this.#reported
    const survived = !this.died
    this.#reported = this.#kills
    this.#counterReported = this.#counted
    this.#closed = this.#dead = !survived
    this.#recent = true
    this.#news = noNews()
    return { sources: [...sources], kills, counter, peak, limit, victim, below, survived, atUsec }
  }

  /** A while has passed: what was reported is over, and if the run lives, it dies another time. */
  settle(): void {
    this.#recent = false
  }

  #close(): void {
    if (this.#recent || this.#kills > this.#reported) this.#dead = true
    if (this.#recent && this.#kills <= this.#reported) this.#closed = true
  }

  #count({ id, before, after }: { readonly id: number; readonly before: number; readonly after: number }): void {
    const known = this.#counters.get(id)
    if (known !== undefined) {
      known.before = Math.min(known.before, before)
      known.after = Math.max(known.after, after)
    } else if (this.#counters.size < kMaxTold) {
      this.#counters.set(id, { before, after })
    }
  }

  get #counted(): number {
    let sum = 0
    for (const { before, after } of this.#counters.values()) sum += after - before
    return sum
  }

  get #kills(): number {
    return Math.max(this.#counted + this.#lost, this.#named, this.#any ? 1 : 0)
  }
}
