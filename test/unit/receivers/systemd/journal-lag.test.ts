import { expect, test } from 'vitest'
import type { UnitState } from '../../../../src/data/signal-record.js'
import type { HistoryEntry } from '../../../../src/lib/systemd/history-entry.js'
import { unloadedState } from '../../../../src/lib/systemd/unit-phase.js'
import { behindSinceUsec } from '../../../../src/receivers/systemd/journal-lag.js'

const since = 1_000_000
const ms = 1000
type Said = readonly [unit: string, atUsec: number, kind?: HistoryEntry['kind']]
type Read = readonly [unit: string, state: Partial<UnitState>]

const said = ([unit, atUsec, kind = 'started']: Said): HistoryEntry => ({
  kind,
  unit,
  atUsec,
  bootId: 'b'.repeat(32),
  invocationId: 'a'.repeat(32),
})

test.each<readonly [story: string, entries: readonly Said[], units: readonly Read[], behind: number | undefined]>([
  ['nothing has changed', [], [['a.service', { activeEnterUsec: since - 1 }]], undefined],
  ['it never ran', [], [['a.service', {}]], undefined],
  ['its start is said', [['a.service', 2_000_100]], [['a.service', { activeEnterUsec: 2_000_000 }]], undefined],
  [
    'its end is said, a moment before the stamp',
    [['a.service', 2_999_900]],
    [['a.service', { activeEnterUsec: 2_000_000, inactiveEnterUsec: 3_000_000 }]],
    undefined,
  ],
  [
    'that its process has ended is said, and what came of it not yet',
    [['a.service', 2_999_000, 'exited']],
    [['a.service', { activeEnterUsec: 2_000_000, inactiveEnterUsec: 3_000_000 }]],
    3_000_000,
  ],
  ['its start is not said yet', [], [['a.service', { activeEnterUsec: 2_000_000 }]], 2_000_000],
  [
    'its start is said, and its end not yet',
    [['a.service', 2_000_100]],
    [['a.service', { activeEnterUsec: 2_000_000, inactiveEnterUsec: 3_000_000 }]],
    3_000_000,
  ],
  [
    'it is silent (LogLevelMax=), and another one has spoken later',
    [['b.service', 2_000_000 + 21 * ms]],
    [['a.service', { activeEnterUsec: 2_000_000 }]],
    undefined,
  ],
  [
    'another one has spoken at nearly the same time',
    [['b.service', 2_000_000 + 19 * ms]],
    [['a.service', { activeEnterUsec: 2_000_000 }]],
    2_000_000,
  ],
  [
    'the newest of several counts',
    [],
    [
      ['a.service', { activeEnterUsec: 2_000_000 }],
      ['b.service', { inactiveEnterUsec: 4_000_000 }],
      ['c.service', { activeEnterUsec: 3_000_000 }],
    ],
    4_000_000,
  ],
  ['a mount, of which nothing need be said', [], [['a.mount', { activeEnterUsec: 2_000_000 }]], undefined],
])('%s', (_story, entries, units, behind) => {
  const read = units.map(([name, state]) => ({ name, state: { ...unloadedState, ...state } }))
  expect(behindSinceUsec(entries.map(said), read, since)).toBe(behind)
})
