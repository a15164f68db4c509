import { kMaxRuns } from '../../lib/patterns/detection-event.js'
import type { DetectorContext, Unit } from '../../lib/patterns/detector.js'
import { isRun, isText, readUnitName, type SavedUnitName, savedUnitName } from '../../lib/patterns/saved-unit.js'
import { isCount } from '../../lib/storage/saved-values.js'
import type { Crash } from './crash.js'
import type { Episode } from './episode.js'
import { type Kind, loopKinds } from './kind.js'
import { kMaxResults, Tally } from './tally.js'
import { kMaxLooked, type State, states, type UnitHistory } from './unit-history.js'

/** One crash in the state file; null for a time that is not known. */
interface SavedCrash extends Pick<Crash, 'run' | 'how' | 'restarted' | 'counts'> {
  readonly usec: number
  readonly upMs: number | null
  readonly waitedMs: number | null
}

/** A loop that is open. Times are microseconds since 1970: steady time begins anew with the agent. */
export interface SavedEpisode extends SavedUnitName {
  readonly key: string
  readonly kind: Kind
  readonly state: State
  readonly toldCount: number
  readonly count: number
  readonly unseen: number
  readonly flaps: number
  readonly firstUsec: number
  readonly last: readonly SavedCrash[]
  /** How many of `last`, the newest, tell what kind of loop it is: none since systemd gave up. */
  readonly looked: number
  readonly results: readonly (readonly [how: string, times: number])[]
  readonly runs: readonly string[]
}

/** The same, read back. */
export interface ReadEpisode {
  readonly unit: Unit
  readonly kind: Kind
  readonly state: State
  readonly toldCount: number
  readonly tally: Tally
  readonly looked: readonly Crash[]
}

export function savedEpisode(episode: Episode, history: UnitHistory, context: DetectorContext): SavedEpisode {
  const { unit, kind, toldCount, tally } = episode
  const usec = (atMs: number): number => Number(context.unixNano(atMs) / 1000n)
  const known = (ms: number): number | null => (Number.isNaN(ms) ? null : ms)
  return {
    key: unit.key,
    ...savedUnitName(unit),
    kind,
    state: history.state,
    toldCount,
    count: tally.count,
    unseen: tally.unseen,
    flaps: tally.flaps,
    firstUsec: usec(tally.firstMs),
    last: tally.last.map(({ atMs, run, how, upMs, waitedMs, restarted, counts }) => ({
      usec: usec(atMs),
      run,
      how,
      upMs: known(upMs),
      waitedMs: known(waitedMs),
      restarted,
      counts,
    })),
    looked: Math.min(history.size, tally.last.length),
    results: [...tally.results],
    runs: [...tally.runs],
  }
}

/** @throws where it is not of this form: then all loops are found anew */
export function readEpisode(one: SavedEpisode, context: DetectorContext): ReadEpisode {
  const { name, kind, state, toldCount, count, unseen, flaps, firstUsec, looked } = one
  const need = (isSo: boolean, what: string): void => {
    if (!isSo) throw new Error(`a loop ${typeof name === 'string' ? `of ${name.slice(0, 256)} ` : ''}${what}`)
  }
  const unit = readUnitName(one.key, one)
  need(loopKinds.includes(kind) && states.includes(state), 'of no known kind')
  need(isCount(count) && count >= 1 && [toldCount, unseen, flaps].every((n) => isCount(n) && n <= count), 'miscounted')
  need(one.last.length >= 1 && one.last.length <= Math.min(kMaxLooked, count), 'without its crashes')
  need(isCount(looked) && looked <= one.last.length, 'miscounted')
  need(one.results.length <= kMaxResults + 1, 'with too many results')
  need(
    one.results.every(([how, times]) => isText(how) && isCount(times) && times <= count),
    'with no results',
  )
  need(one.runs.length <= kMaxRuns && one.runs.every(isRun), 'with no runs')
  need(one.last.every(isCrash), 'with a crash that is none')
  const times = [firstUsec, ...one.last.map(({ usec }) => usec)]
  need(
    times.every((usec, i) => isCount(usec) && (i === 0 || usec >= times[i - 1]!)),
    'whose times are out of order',
  )
  const ms = (usec: number): number => context.steadyMs(BigInt(usec) * 1000n)
  const tally = new Tally()
  Object.assign(tally, { count, unseen, flaps, firstMs: ms(firstUsec) })
  for (const { usec, run, how, upMs, waitedMs, restarted, counts } of one.last)
    tally.last.push({
      atMs: ms(usec),
      run,
      how,
      upMs: upMs ?? Number.NaN,
      waitedMs: waitedMs ?? Number.NaN,
      restarted,
      counts,
    })
  for (const [how, times] of one.results) tally.results.set(how, times)
  tally.runs.push(...one.runs)
  return { unit, kind, state, toldCount, tally, looked: tally.last.slice(tally.last.length - looked) }
}

function isCrash({ run, how, upMs, waitedMs, restarted, counts }: SavedCrash): boolean {
  const isSpan = (ms: number | null): boolean => ms === null || (Number.isFinite(ms) && ms >= 0)
  const isKnown = counts === 'yes' || counts === 'perhaps' || counts === 'no'
  return (
    (run === '' || isRun(run)) && isText(how) && isSpan(upMs) && isSpan(waitedMs) && isKnown && isBoolean(restarted)
  )
}

function isBoolean(value: unknown): boolean {
  return typeof value === 'boolean'
}
