import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { SignalRecord } from '../../../../src/data/signal-record.js'
import { attr, event } from '../../../../src/lib/systemd/names.js'
import { unloadedState } from '../../../../src/lib/systemd/unit-phase.js'
import { systemdView, type Units } from '../dependencies/systemd-view.js'
import { feedAll, newTracker, Script } from './script.js'

// A shop: what each unit needs, as its unit file says. All are up.
const shop: Units = {
  db: {},
  api: { BindsTo: ['db.service'] },
  web: { Requires: ['api.service'] },
  cdn: { BindsTo: ['web.service'] },
  mail: { Requires: ['db.service'] },
}
const kUpSince = 1_600_000_000_000_000
const up = { ...unloadedState, activeState: 'active', subState: 'running', invocationId: 'a'.repeat(32) }
const running = { ...up, inactiveExitUsec: kUpSince, activeEnterUsec: kUpSince, stateChangeUsec: kUpSince }

type Shop = Record<keyof typeof shop, Script>

/** Scripts share no clock, so a pause is what orders them: one step is a millisecond. */
function scripts(pauses: Readonly<Record<string, number>> = {}): Shop {
  return Object.fromEntries(
    Object.keys(shop).map((name) => {
      const script = new Script(`${name}.service`, running)
      for (let n = 0; n < (pauses[name] ?? 0); n++) script.u('active/running')
      return [name, script]
    }),
  )
}

const crash = (script: Script): Script =>
  script.u('failed/failed', { pid: 0, result: 'signal', exit: 'killed:11' }).u('activating/auto-restart')
const stop = (script: Script, job: number): Script =>
  script
    .u('active/running', { job, result: 'success' })
    .u('deactivating/stop-sigterm')
    .u('inactive/dead', { pid: 0, exit: 'killed:15' })
    .jobRemoved(job)

/** Which unit each end is told to be because of. */
function causes(records: readonly SignalRecord[], units = shop): Record<string, unknown> {
  const tracker = newTracker()
  const files = Object.fromEntries(Object.entries(units).map(([name, needs]) => [`${name}.service`, needs]))
  const seeded = [...systemdView(files)].map(([name, dependencies]) => ({ name, state: running, dependencies }))
  tracker.seed(seeded, 1n)
  const ends = feedAll(tracker, records).filter(({ name }) => name === event.stopped || name === event.failed)
  return Object.fromEntries(
    ends.map(({ attributes, severity }) => {
      const cause = attributes[attr.causedBy]
      if (attributes[attr.activeState] === 'inactive') expect(severity).toBe(cause === undefined ? 9 : 13)
      return [String(attributes[attr.unit]).replace('.service', ''), cause ?? null]
    }),
  )
}

const late = { api: 5, web: 5, cdn: 5, mail: 5 }

const truth: readonly (readonly [story: string, records: () => SignalRecord[], told: Record<string, unknown>])[] = [
  [
    'a crash takes down what is bound to it and what needs that, the farthest first',
    () => {
      const { db, api, web, cdn } = scripts(late) as Required<Shop>
      return [crash(db!), stop(cdn!, 9), stop(web!, 8), stop(api!, 7)].flatMap(({ records }) => records)
    },
    { db: null, cdn: 'db.service', web: 'db.service', api: 'db.service' },
  ],
  [
    'systemctl stop of the whole chain, whose end exits badly: nobody failed by himself',
    () => {
      const { db, api, web } = scripts({ api: 5, web: 5 })
      db!.u('active/running', { job: 6 }).u('deactivating/stop-sigterm')
      db!.u('failed/failed', { pid: 0, result: 'exit-code', exit: 'exited:143' }).jobRemoved(6)
      return [db!, stop(web!, 8), stop(api!, 7)].flatMap(({ records }) => records)
    },
    { db: null, web: null, api: null },
  ],
  [
    'a stop that was under way when the crash came',
    () => {
      const { db, api } = scripts({ db: 9 })
      return [stop(api!, 7), crash(db!)].flatMap(({ records }) => records)
    },
    { api: null, db: null },
  ],
  [
    'a stop that was under way when the crash came, told late',
    () => {
      const { db, api } = scripts({ db: 9 })
      return [crash(db!), stop(api!, 7)].flatMap(({ records }) => records)
    },
    { db: null, api: null },
  ],
  [
    'systemctl stop after the crash is over and done with',
    () => {
      const { db, api } = scripts({ api: 9 })
      crash(db!).u('inactive/dead', { inv: 'b', pid: 9, result: 'success', exit: '' }).u('active/running')
      return [db!, stop(api!, 7)].flatMap(({ records }) => records)
    },
    { db: null, api: null },
  ],
  [
    'a clean exit is no failure',
    () => {
      const { db, api } = scripts(late)
      db!.u('inactive/dead', { pid: 0, result: 'success', exit: 'exited:0' })
      return [db!, stop(api!, 7)].flatMap(({ records }) => records)
    },
    { db: null, api: null },
  ],
  [
    'Requires= alone does not stop a unit when the other one crashes',
    () => {
      const { db, mail } = scripts(late)
      return [crash(db!), stop(mail!, 7)].flatMap(({ records }) => records)
    },
    { db: null, mail: null },
  ],
  [
    'taken down while its partner is still failing, and not taking it well',
    () => {
      const { db, api } = scripts(late)
      db!.u('deactivating/stop-watchdog', { result: 'watchdog' })
      api!.u('active/running', { job: 7, result: 'success' }).u('deactivating/stop-sigterm')
      api!.u('failed/failed', { pid: 0, result: 'timeout', exit: 'killed:9' }).jobRemoved(7)
      return [db!, api!].flatMap(({ records }) => records)
    },
    { api: 'db.service' },
  ],
  [
    'crashes of both at once: each its own',
    () => {
      const { db, api } = scripts(late)
      return [crash(db!), crash(api!)].flatMap(({ records }) => records)
    },
    { db: null, api: null },
  ],
  [
    'a stop so slow that its partner is up again when it ends',
    () => {
      const { db, api } = scripts(late)
      crash(db!)
      const [failed, waiting] = db!.records
      api!.u('active/running', { job: 7, result: 'success' }).u('deactivating/stop-sigterm')
      const slow = [...api!.records]
      db!.u('inactive/dead', { inv: 'b', pid: 9, result: 'success', exit: '' }).u('active/running')
      api!.u('inactive/dead', { pid: 0, exit: 'killed:15' }).jobRemoved(7)
      return [failed!, waiting!, ...slow, ...db!.records.slice(2), ...api!.records.slice(slow.length)]
    },
    { db: null, api: 'db.service' },
  ],
]

describe('which failure a stop comes from', () => {
  for (const [story, records, told] of truth) it(story, () => expect(causes(records())).toEqual(told))

  it('is the same in whatever order the stops are told', () => {
    fc.assert(
      fc.property(fc.infiniteStream(fc.nat()), (picks) => {
        const { db, ...others } = scripts(late) as Required<Shop>
        const queues = [stop(others['api']!, 7), stop(others['web']!, 8), stop(others['cdn']!, 9)].map((script) => [
          ...script.records,
        ])
        const mixed: SignalRecord[] = []
        while (queues.some((queue) => queue.length > 0)) {
          const left = queues.filter((queue) => queue.length > 0)
          mixed.push(left[picks.next().value! % left.length]!.shift()!)
        }
        const told = causes([...crash(db!).records, ...mixed])
        expect(told).toEqual({ db: null, api: 'db.service', web: 'db.service', cdn: 'db.service' })
      }),
      { numRuns: 50 },
    )
  })

  it('looks eight steps far and no farther, through circles too', () => {
    const chain = (length: number): typeof shop => ({
      db: { Requires: ['u0.service'] },
      u0: { BindsTo: ['db.service'], Requires: [`u${length - 1}.service`] },
      ...Object.fromEntries(
        Array.from({ length: length - 1 }, (_, n) => [`u${n + 1}`, { Requires: [`u${n}.service`] }]),
      ),
    })
    const last = (length: number): unknown => {
      const db = crash(new Script('db.service', running))
      const end = new Script(`u${length - 1}.service`, running)
      for (let n = 0; n < 5; n++) end.u('active/running')
      return causes([...db.records, ...stop(end, 7).records], chain(length))[`u${length - 1}`]
    }
    expect([last(2), last(9), last(10)]).toEqual(['db.service', 'db.service', null])
  })

  it('looks at 256 units at most', () => {
    const wide = (others: number): unknown => {
      const names = Array.from({ length: others }, (_, n) => `u${n}`)
      const units: Units = {
        top: { Requires: names.map((name) => `${name}.service`) },
        ...Object.fromEntries(names.map((name) => [name, { Requires: ['api.service'] }])),
        api: { BindsTo: ['db.service'] },
        db: {},
      }
      const top = new Script('top.service', running)
      for (let n = 0; n < 5; n++) top.u('active/running')
      const db = crash(new Script('db.service', running))
      return causes([...db.records, ...stop(top, 7).records], units)['top']
    }
    expect([wide(254), wide(255)]).toEqual(['db.service', null])
  })
})
