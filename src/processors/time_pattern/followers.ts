import { densestCluster } from '../../lib/statistics/cluster.js'
import { bonferroni } from '../../lib/statistics/multiple.js'
import { kMadToSigma, madInPlace, medianInPlace } from '../../lib/statistics/robust.js'
import type { Job, Jobs } from './jobs.js'

/** Failures of one unit that are compared with one job's starts, the newest. */
const kMaxLags = 32
/** Jobs of which a unit's failures are compared: those after which it failed last. */
const kMaxFollowed = 8
/** Moments at which the unit ran, to compare with; fewer than so many say nothing of what chance would have. */
const kMaxControls = 96
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

/** A failure, and the start before it. */
export interface Lag {
  /** Negative where it did not follow the job. */
  readonly lagMs: number
  /** When the job had started. */
  readonly startMs: number
}

/** What is known of failures and one job since one of them followed it first. */
export interface Followed {
  /** Of each failure, newest last. */
  readonly lags: Lag[]
  /** The same of times at which the unit ran, whether it failed or not: [lag or a negative number, milliseconds of running]. */
  readonly controls: (readonly [lagMs: number, ranMs: number])[]
}

/** After which jobs a unit has failed: bounded. */
export class Followers {
  /** Least recently followed first. */
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
      controls.push([job?.lagAt(atMs) ?? -1, untilMs - fromMs])
      if (ended) controls.push([job?.lagAt(untilMs) ?? -1, untilMs - fromMs])
      while (controls.length > kMaxControls) controls.shift()
    }
  }

  /** @param beforeMs - the failure before, -Infinity for none */
  failed(atMs: number, beforeMs: number, jobs: Jobs, maxLagMs: number, self: string): void {
    for (const { lags } of this.byJob.values()) lags.push({ lagMs: -1, startMs: atMs })
    for (const job of jobs.recurring()) {
      if (job.name === self) continue
      const lagMs = job.lagAt(atMs)
      if (lagMs === undefined || lagMs > maxLagMs) continue
      if (atMs - lagMs - beforeMs < Math.min(lagMs / 2, kReactionMs)) continue
      const known = this.byJob.get(job.name) ?? { lags: [], controls: [] }
      this.byJob.delete(job.name)
      this.byJob.set(job.name, known)
      known.lags.splice(Math.max(known.lags.length - 1, 0), 1, { lagMs, startMs: atMs - lagMs })
    }
    for (const [name, { lags }] of this.byJob) {
      if (lags.length > kMaxLags) lags.shift()
      if (this.byJob.size > kMaxFollowed || jobs.get(name) === undefined) this.byJob.delete(name)
    }
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
  const after = all.filter(({ lagMs }) => lagMs >= 0).sort((a, b) => a.lagMs - b.lagMs)
  const lags = Float64Array.from(after, ({ lagMs }) => lagMs)
  if (mostStable(lags) < Math.max(kMinPart * all.length, kMinFollowing)) return undefined
  if (!alwaysRuns && controls.length < kMinControls) return undefined
  const shares = lags.map((lagMs) => (alwaysRuns ? job.shareWithin(lagMs) : shareOf(controls, lagMs)))
  const found = densestCluster(shares, {
    circular: false,
    events: all.length,
    // Several failures after one start are one consequence of it.
    group: (at) => after[at]!.startMs,
    least(first, last) {
      if (!isStable(lags[first]!, lags[last]!)) return 1
      if (alwaysRuns) return job.shareWithin(lags[first]! + kFinestMs) - shares[first]!
      // What no control has met may still be as much as one of them.
      const before = shareOf(controls, lags[first]! - kFinestMs)
      return shareOf(controls, lags[last]! + kFinestMs) - before + 1 / (controls.length + 1)
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
  for (const [lag, ranMs] of controls) {
    total += ranMs
    if (lag >= 0 && lag <= lagMs) within += ranMs
  }
  return within / total
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
