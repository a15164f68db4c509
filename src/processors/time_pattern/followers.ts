import { densestCluster } from '../../lib/statistics/cluster.js'
import { bonferroni } from '../../lib/statistics/multiple.js'
import { kMadToSigma, madInPlace, medianInPlace } from '../../lib/statistics/robust.js'
import type { Job, Jobs } from './jobs.js'

/** Failures of one unit that are compared with one job's starts, the newest. */
export const kMaxLags = 32
/** Jobs with which a unit's failures are compared. */
export const kMaxFollowed = 10
/** Where more than that have started lately, so many places are given to others at each failure: of those that few follow. */
const kMaxSwaps = 2
const kMinTried = 4
const kPromising = 0.6
/** Moments at which the unit ran, to compare with; fewer than so many say nothing of what chance would have. */
export const kMaxControls = 48
const kMinControls = 20
/** Fewer failures that follow are no pattern. */
const kMinFollowing = 3
/** Part of the failures that must follow, and times what chance would have. */
const kMinPart = 0.4
const kMinLift = 3
/** Timers and cron are exact to a second at best: lags are not compared any finer. */
const kFinestMs = 1000
/** A lag is stable where it stays within a minute, or within so much of itself. */
const kStableMs = 60_000
const kStableShare = 0.3
/**
 * A job that starts when the unit fails (OnFailure=, a dependent that is restarted) is no cause of the next failure: a start must
 * lie so far behind the failure before, or half as far as the failure after.
 */
const kReactionMs = 60_000

/** Failures that follow a job by a stable lag. */
export interface Following {
  readonly job: string
  readonly lagMs: number
  /** Standard deviation of the lag, robust. */
  readonly jitterMs: number
  readonly fromMs: number
  readonly untilMs: number
  /** Failures at that lag, of all failures since the job is known; starts in that time. */
  readonly count: number
  readonly failures: number
  readonly starts: number
  /** Share of the unit's running time that lies so long after a start. */
  readonly share: number
  /** Jobs tried, and lags, counted. */
  readonly pValue: number
  readonly jobsTried: number
}

/** What is known of failures and one job since one of them followed it first: 1.2 KB. */
export interface Followed {
  /** Of each failure how long after a start it was, newest last; negative where it did not follow, or not as the first. */
  readonly lags: number[]
  /** The same of times at which the unit ran, whether it failed or not: lag, milliseconds of running, lag, ... */
  readonly controls: number[]
  /** The start that was followed last: several failures after one start are one consequence of it. */
  startMs: number
}

/** After which jobs a unit has failed: bounded. */
export class Followers {
  readonly byJob = new Map<string, Followed>()
  /** Places of controls in the time that the unit ran: spread evenly, without chance (golden ratio). */
  #place = 0

  /**
   * The unit ran from `fromMs` to `untilMs`: one moment of it stands for all. Where a run has ended, so does its end: failures are
   * ends, and those of short runs are as regular as their starts.
   */
  ran(fromMs: number, untilMs: number, ended: boolean, jobs: Jobs): void {
    this.#place = (this.#place + 0.618_033_988_749_895) % 1
    const atMs = fromMs + this.#place * (untilMs - fromMs)
    for (const [name, { controls }] of this.byJob) {
      const job = jobs.get(name)
      controls.push(job?.lagAt(atMs) ?? -1, untilMs - fromMs)
      if (ended) controls.push(job?.lagAt(untilMs) ?? -1, untilMs - fromMs)
      while (controls.length > 2 * kMaxControls) controls.splice(0, 2)
    }
  }

  /** It always runs: there is nothing to compare with. */
  forgetControls(): void {
    for (const { controls } of this.byJob.values()) controls.length = 0
  }

  /** @param beforeMs - the failure before, -Infinity for none */
  failed(atMs: number, beforeMs: number, jobs: Jobs, maxLagMs: number, self: string): void {
    const newcomers: (readonly [name: string, lagMs: number])[] = []
    const followed = new Map<string, number>()
    for (const job of jobs.recurring()) {
      if (job.name === self) continue
      const lagMs = job.lagAt(atMs)
      if (lagMs === undefined || lagMs > maxLagMs) continue
      if (atMs - lagMs - beforeMs < Math.min(lagMs / 2, kReactionMs)) continue
      if (this.byJob.has(job.name)) followed.set(job.name, lagMs)
      else newcomers.push([job.name, lagMs])
    }
    for (const [name, known] of this.byJob) {
      if (jobs.get(name) === undefined) this.byJob.delete(name)
      const lagMs = followed.get(name) ?? -1
      const again = lagMs >= 0 && Math.abs(atMs - lagMs - known.startMs) < 1
      known.lags.push(again ? -1 : lagMs)
      if (lagMs >= 0) known.startMs = atMs - lagMs
      if (known.lags.length > kMaxLags) known.lags.shift()
    }
    // The nearest first: of all that has just started, that is what one would look at.
    newcomers.sort((a, b) => a[1] - b[1])
    let places = kMaxFollowed - this.byJob.size
    for (const name of this.#leastFollowed(Math.min(newcomers.length - places, kMaxSwaps))) {
      this.byJob.delete(name)
      places++
    }
    for (const [name, lagMs] of newcomers.slice(0, places))
      this.byJob.set(name, { lags: [lagMs], controls: [], startMs: atMs - lagMs })
  }

  /** Jobs that had their chance: few failures followed them at a stable lag. */
  #leastFollowed(count: number): readonly string[] {
    if (count <= 0) return []
    return [...this.byJob]
      .filter(([, { lags }]) => lags.length >= kMinTried)
      .map(([name, { lags }]) => ({ name, part: mostStable(sorted(lags)) / lags.length }))
      .filter(({ part }) => part < kPromising)
      .sort((a, b) => a.part - b.part)
      .slice(0, count)
      .map(({ name }) => name)
  }

  /**
   * The job that the failures follow most surely.
   *
   * @param alwaysRuns - then any time is as good as another; else those at which it ran are compared
   */
  find(alwaysRuns: boolean, jobs: Jobs): Following | undefined {
    const tried = jobs.recurring().length
    let best: Following | undefined
    for (const [name, followed] of this.byJob) {
      const job = jobs.get(name)
      const found = job === undefined ? undefined : follow(job, followed, alwaysRuns, tried)
      if (found === undefined) continue
      // Several timers may fire at one moment: then the one that is nearer.
      if (
        best === undefined ||
        found.pValue < best.pValue ||
        (found.pValue === best.pValue && found.lagMs < best.lagMs)
      )
        best = found
    }
    return best
  }
}

function follow(
  job: Job,
  { lags: all, controls }: Followed,
  alwaysRuns: boolean,
  jobsTried: number,
): Following | undefined {
  const lags = sorted(all)
  if (mostStable(lags) < Math.max(kMinPart * all.length, kMinFollowing)) return undefined
  if (!alwaysRuns && controls.length < 2 * kMinControls) return undefined
  const longestMs = job.longestMs
  const shares = lags.map((lagMs) => (alwaysRuns ? job.shareWithin(lagMs) : shareOf(controls, lagMs)))
  const found = densestCluster(shares, {
    circular: false,
    events: all.length,
    least(first, last) {
      if (!isStable(lags[first]!, lags[last]!)) return 1
      if (alwaysRuns) {
        // From a time when it came less often: no interval that is remembered says how often chance would have that.
        if (lags[last]! >= longestMs) return 1
        return Math.max(job.shareWithin(lags[first]! + kFinestMs) - shares[first]!, kFinestMs / job.spanMs)
      }
      // What no control has met may still be as much as one of them.
      const before = shareOf(controls, lags[first]! - kFinestMs)
      return shareOf(controls, lags[last]! + kFinestMs) - before + 1 / (controls.length / 2 + 1)
    },
    most: 1 / kMinLift,
    minPart: kMinPart,
    minLift: kMinLift,
  })
  if (found === undefined) return undefined
  const inside = lags.slice(found.first, found.last + 1)
  const fromMs = inside[0]!
  const untilMs = inside.at(-1)!
  const lagMs = medianInPlace(inside)
  return {
    job: job.name,
    lagMs,
    jitterMs: kMadToSigma * madInPlace(inside, lagMs),
    fromMs,
    untilMs,
    count: found.count,
    failures: all.length,
    starts: job.count,
    share: found.share,
    pValue: bonferroni(found.pValue, jobsTried),
    jobsTried,
  }
}

/** Share of the time that the unit ran with the job's last start at most `lagMs` ago. */
function shareOf(controls: Followed['controls'], lagMs: number): number {
  let within = 0
  let total = 0
  for (let i = 0; i < controls.length; i += 2) {
    const [lag, ranMs] = [controls[i]!, controls[i + 1]!]
    total += ranMs
    if (lag >= 0 && lag <= lagMs) within += ranMs
  }
  return within / total
}

/** Lags of those that followed, ascending. */
function sorted(lags: readonly number[]): Float64Array {
  return Float64Array.from(lags.filter((lagMs) => lagMs >= 0)).sort()
}

function isStable(fromMs: number, untilMs: number): boolean {
  return untilMs - fromMs <= Math.max(kStableMs, kStableShare * untilMs)
}

/** Most lags that a stable one could hold: nearly all random series end here, before anything is computed. */
function mostStable(lags: Float64Array): number {
  let most = 0
  for (let first = 0, last = 0; last < lags.length; last++) {
    while (!isStable(lags[first]!, lags[last]!)) first++
    most = Math.max(most, last - first + 1)
  }
  return most
}

/** A lag is met a little beside those that were seen, too. */
export function isAtLag(lagMs: number, { fromMs, untilMs, jitterMs }: Following): boolean {
  const slackMs = Math.max(2 * jitterMs, (untilMs - fromMs) / 4, 1000)
  return lagMs >= fromMs - slackMs && lagMs <= untilMs + slackMs
}
