import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { RawEvent } from '../../src/data/event.js'
import { dependencyInverses } from '../../src/data/unit-dependencies.js'
import { kindNames } from '../../src/lib/dependencies/edge-kinds.js'
import { unitGraphKeys } from '../../src/lib/dependencies/unit-graph.js'
import { attr, event, metric } from '../../src/lib/systemd/names.js'
import { describeLab } from '../lab/describe-lab.js'
import { bootLab, type Lab, waitFor } from '../lab/lab.js'
import { isGap, type Watch, watch } from './systemd-support.js'

const kUnits = 1000
/** Each is some seconds of PID 1's CPU. */
const kReloads = 4
const kLoops = 20
/** While units crash: enough to count a restart several times over. */
const kReloadsInALoop = 3
/** Of what `systemctl show` takes: 0.11 to 0.16 were measured beside all other tests, where caches are everybody's. */
const kShare = 4
const kRestartScheduled = '5eb03494b6584870a536b337290809b3' // [SD_MESSAGE_UNIT_RESTART_SCHEDULED]
const kUnitFailed = 'd9b373ed55a64feb8242e02dbe79a49c' // [SD_MESSAGE_UNIT_FAILURE_RESULT]

const names = Array.from({ length: kUnits }, (_, n) => `calm@${n}.service`)
const loops = Array.from({ length: kLoops }, (_, n) => `loop@${n}.service`)
const crasher = '[Unit]\nStartLimitIntervalSec=0\n[Service]\nExecStart=/bin/false\nRestart=always\nRestartSec=100ms\n'

describeLab(`a systemd with ${kUnits} units`, () => {
  let lab: Lab
  let watched: Watch
  /** PID 1's CPU for `systemctl show` of all units: so machines of any speed have one measure. `npm run bench -- resync` has the milliseconds. */
  let shownOnce: number
  let atStart: number
  let afterStart: number

  /** CPU time of PID 1 until now, user and system, in clock ticks of 10 ms. */
  const ticks = (): number => {
    const stat = readFileSync(`/proc/${lab.pid1}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return Number(fields[11]) + Number(fields[12])
  }
  /** Milliseconds of PID 1's CPU. Of what is asked here: `systemctl` needs a moment of PID 1 as well, and is not the agent. */
  const costOf = async (what: string, body: () => Promise<unknown>): Promise<number> => {
    const [before, beganMs] = [ticks(), performance.now()]
    await body()
    const tookMs = Math.round(performance.now() - beganMs)
    const ms = (ticks() - before) * 10
    console.log(`${what}: ${ms} ms of PID 1, ${tookMs} ms`)
    return ms
  }
  const configured = (): Promise<unknown> =>
    waitFor('all configurations', () => watched.telemetry.gauges.get('units_unread')?.() === 0, { timeoutMs: 60_000 })
  const about = (events: readonly RawEvent[], units: readonly string[]): string[] => {
    const wanted = new Set(units)
    const ours = events.filter((one) => wanted.has(String(one.attributes[attr.unit])))
    return ours.map((one) => `${one.name} ${one.attributes[attr.unit]}`)
  }
  const gaps = (events: readonly RawEvent[]): unknown[] =>
    events.filter(isGap).map((one) => one.attributes[attr.gapReason])
  const counted = (name: string): Map<string, number> => {
    const sums = new Map<string, number>()
    for (const one of watched.exporter.metrics) {
      if (one.name !== name || one.type !== 'sum') continue
      const sum = one.points.reduce((total, { value }) => total + Number(value), 0)
      sums.set(String(one.resource.attributes[attr.unit]), sum)
    }
    return sums
  }
  const recovered = async (): Promise<void> => {
    const since = watched.host.reports.length
    await lab.killBus()
    await waitFor('the receiver to notice', () => watched.host.reports.slice(since).some((s) => s.state === 'degraded'))
    await watched.ready()
  }

  beforeAll(async () => {
    lab = await bootLab()
    lab.writeUnit('calm@.service', '[Service]\nExecStart=/bin/sleep infinity\nRestart=on-failure\n')
    lab.writeUnit('loop@.service', crasher)
    lab.writeUnit(
      'pull.service',
      `[Unit]\nWants=${names[7]}\nAfter=${names[8]}\n[Service]\nExecStart=/bin/sleep infinity\n`,
    )
    lab.writeUnit('unwatched.service', `[Unit]\nRequires=${names[9]}\n[Service]\nExecStart=/bin/sleep infinity\n`)
    await lab.daemonReload()
    await lab.systemctl('start', 'dbus.service')
    await lab.systemctl('start', 'pull.service', 'unwatched.service')
    for (let n = 0; n < kUnits; n += 100) await lab.systemctl('start', ...names.slice(n, n + 100))
    shownOnce = await costOf('systemctl show', () => lab.exec(['systemctl', 'show', ...names], { timeoutMs: 60_000 }))
    atStart = await costOf('start', async () => {
      watched = await watch(
        lab,
        {
          collection_interval: '1s',
          max_events_per_second: 100_000,
          signal_buffer_size: 100_000,
          service_blacklist: ['unwatched.service'],
        },
        false,
      )
      await waitFor('the first reading', () => watched.host.last?.state === 'ok', { timeoutMs: 120_000 })
    })
    afterStart = await costOf('configurations after the start', configured)
    await watched.take()
  }, 240_000)
  afterAll(async () => {
    await watched?.close()
    await lab?.close()
  })

  it('at the start all is read of all units for a small part of what `systemctl show` of them takes of PID 1', () => {
    expect(atStart + afterStart).toBeLessThan(shownOnce / kShare)
  })

  it('knows of each unit what needs it, though of so many none was asked for that', async () => {
    const graph = watched.shared.get(unitGraphKeys.system)
    expect(names.filter((name) => !graph.knowsBothEnds(name))).toEqual([])
    const inverses = Object.entries(dependencyInverses)
    for (const unit of [...names.slice(5, 12), 'dbus.service', 'dbus.socket', 'pull.service']) {
      const said = await lab.show(unit, ...inverses.map(([, inverse]) => inverse))
      const expected = inverses.flatMap(([forward, inverse]) =>
        (said[inverse] ?? '')
          .split(' ')
          .filter(Boolean)
          .map((from) => `${from} ${forward}`),
      )
      const known = graph.neededBy(unit).flatMap(({ from, kinds }) => kindNames(kinds).map((kind) => `${from} ${kind}`))
      expect({ unit, neededBy: known.toSorted() }).toEqual({ unit, neededBy: expected.toSorted() })
    }
    expect(graph.neededBy(names[9]!).map(({ from }) => from)).toContain('unwatched.service')
  })

  it(`${kReloads} reloads in a row: no false event`, async () => {
    await costOf(`${kReloads} reloads`, async () => {
      for (let n = 0; n < kReloads; n++) await lab.daemonReload()
    })
    const events = await watched.take()
    expect(about(events, names)).toEqual([])
    expect(new Set(gaps(events))).toEqual(new Set(['reload']))
    // The last one is over; what is read again because of it is not.
    expect(await costOf('configurations after reloads', configured)).toBeLessThan(shownOnce / kShare)
  })

  it('a bus that dies: one resynchronisation, and nothing is told of units that are as they were', async () => {
    expect(await costOf('resynchronisation after a lost bus', recovered)).toBeLessThan(shownOnce / kShare)
    const events = await watched.take()
    expect(about(events, names)).toEqual([])
    expect(gaps(events)).toEqual(['bus_lost'])
  })

  it('of a thousand units the few that changed meanwhile are told, as concluded', async () => {
    const since = watched.host.reports.length
    await lab.stopBus()
    await waitFor('the receiver to notice', () => watched.host.reports.slice(since).some((s) => s.state === 'degraded'))
    // The same state again, and another run: systemctl talks to PID 1 itself.
    await lab.systemctl('restart', 'calm@7.service')
    await lab.systemctl('stop', 'calm@8.service')
    await lab.startBus()
    await watched.ready()
    const events = await watched.take()
    const told = events.filter((one) => names.includes(String(one.attributes[attr.unit])))
    expect(told.map((one) => `${one.name} ${one.attributes[attr.unit]}`).toSorted()).toEqual([
      `${event.restarted} calm@7.service`,
      `${event.restarting} calm@7.service`,
      `${event.stopped} calm@8.service`,
    ])
    expect(told.every((one) => one.attributes[attr.synthetic] === true)).toBe(true)
  })

  it(`${kReloadsInALoop} reloads while ${kLoops} units crash and restart: counters are the journal's truth`, async () => {
    await lab.systemctl('start', '--no-block', ...loops)
    for (let n = 0; n < kReloadsInALoop; n++) await lab.daemonReload()
    await lab.systemctl('stop', ...loops)
    const events = await watched.take()
    await watched.collection()
    const journal = await lab.journal(
      `MESSAGE_ID=${kRestartScheduled}`,
      `MESSAGE_ID=${kUnitFailed}`,
      '--output-fields=UNIT,MESSAGE_ID,N_RESTARTS',
    )
    const restarts = counted(metric.restarts)
    const failures = counted(metric.failures)
    let total = 0
    for (const name of loops) {
      const ours = journal.filter(({ UNIT }) => UNIT === name)
      const scheduled = ours.filter(({ MESSAGE_ID }) => MESSAGE_ID === kRestartScheduled).length
      expect(restarts.get(name), `${name}, restarts`).toBe(scheduled)
      expect(failures.get(name), `${name}, failures`).toBe(ours.length - scheduled)
      total += scheduled
    }
    expect(total).toBeGreaterThan(kLoops * 3)
    expect(about(events, names)).toEqual([])
    expect([...watched.telemetry.drops]).toEqual([])
  })
})
