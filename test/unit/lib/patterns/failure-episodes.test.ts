import { expect, test } from 'vitest'
import type { QuietReason, UnitSignal } from '../../../../src/lib/patterns/detector.js'
import { FailureEpisodes } from '../../../../src/lib/patterns/failure-episodes.js'
import { sampleEvent, sampleResource } from '../../../../src/testkit/sample.js'

const kMinute = 60
const unit = { key: 'a', name: 'a.service', resource: sampleResource('a') }

type Part = { readonly run?: string; readonly auto?: boolean; readonly how?: string; readonly quiet?: QuietReason }

const signal = (
  kind: UnitSignal['kind'],
  atS: number,
  { run = `${atS}`, auto = true, how = 'exit-code/1', quiet }: Part,
) =>
  ({
    kind,
    unit,
    atMs: atS * 1000,
    invocationId: run,
    auto,
    how,
    quiet,
    event: sampleEvent(),
  }) satisfies UnitSignal

/** Tells all, and gives the seconds of those that are events. */
function check(...signals: readonly UnitSignal[]): readonly number[] {
  const episodes = new FailureEpisodes()
  return signals.filter((one) => episodes.take(one)).map(({ atMs }) => atMs / 1000)
}

/** A run from `fromS` to `toS` that fails; systemd starts the next one. */
const run = (fromS: number, toS: number, part: Part = {}): readonly UnitSignal[] => [
  signal('restarted', fromS, part),
  signal('failed', toS, { run: `${toS}`, ...part }),
  signal('restarting', toS, { run: `${toS}`, ...part }),
]

test('a failure is one event, though it is told of in two', () =>
  expect(check(...run(0, 3600), ...run(3601, 7200))).toEqual([3600, 7200]))

test('without an ID of the run, too', () => expect(check(...run(0, 3600, { run: '' }))).toEqual([3600]))

test('a loop is one event', () =>
  expect(
    check(...run(0, 3600), ...run(3601, 3603), ...run(3604, 3630), ...run(3631, 3640), ...run(3641, 7200)),
  ).toEqual([3600, 3630, 7200]))

test('a loop whose restarts are minutes apart is one event: RestartSec= makes its period', () => {
  const wait = 5 * kMinute
  const runs = [0, 1, 2, 3, 4].flatMap((n) => run(n * (wait + 20), n * (wait + 20) + 20))
  expect(check(...runs)).toEqual([20])
})

test('a long wait before a longer run is not', () => {
  const runs = [0, 1, 2].flatMap((n) => run(n * 90 * kMinute, n * 90 * kMinute + 80 * kMinute))
  expect(check(...runs)).toEqual([4800, 10_200, 15_600])
})

test('a job of a timer that dies at once each time has an event each time', () => {
  const jobs = [0, 1, 2].flatMap((n) => [signal('started', n * 3600, {}), signal('failed', n * 3600 + 1, {})])
  expect(check(...jobs)).toEqual([1, 3601, 7201])
})

test('no failures: restarts by hand, ends in order, kills that the run outlives', () =>
  expect(
    check(
      signal('restarting', 100, { auto: false }),
      signal('restarted', 101, { auto: false }),
      signal('restarting', 200, { how: 'success' }),
      signal('restarted', 201, {}),
      signal('oom_killed', 300, {}),
      signal('stopped', 400, {}),
      signal('gave_up', 500, {}),
    ),
  ).toEqual([]))

test('a failure of a quiet time is no event, and what repeats it is none either', () =>
  expect(
    check(...run(0, 3600, { quiet: 'deployment' }), ...run(3601, 3640), ...run(3641, 3643), ...run(3644, 9000)),
  ).toEqual([3640, 9000]))
