import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { RawEvent } from '../../src/data/event.js'
import { attr, event, metric } from '../../src/lib/systemd/names.js'
import { describeLab } from '../lab/describe-lab.js'
import { bootLab, type Lab, waitFor, withLab } from '../lab/lab.js'
import { isGap, type Watch, watch } from './systemd-support.js'

const sleeper = '[Service]\nExecStart=/bin/sleep infinity\n'
const labUnits = ['steady.service', 'victim.service', 'other.service']

/** Events about the lab's own services: the bus is a unit too, and its death is news, but not what is asked here. */
function ours(events: readonly RawEvent[]): string[] {
  return events
    .filter((one) => labUnits.includes(String(one.attributes[attr.unit])))
    .map(
      (one) =>
        `${one.name.replace('systemd.', '')} ${one.attributes[attr.unit]} ${one.attributes[attr.inferred] ?? false}`,
    )
}

function gaps(events: readonly RawEvent[]): unknown[] {
  return events.filter(isGap).map((one) => one.attributes[attr.gapReason])
}

async function prepare(lab: Lab): Promise<void> {
  for (const unit of labUnits) lab.writeUnit(unit, sleeper)
  await lab.daemonReload()
  await lab.systemctl('start', ...labUnits, 'dbus.service')
}

describeLab('when the source fails', () => {
  let lab: Lab
  let watched: Watch
  beforeAll(async () => {
    lab = await bootLab()
    await prepare(lab)
    watched = await watch(lab)
    await watched.take()
  })
  afterAll(async () => {
    await watched?.close()
    await lab?.close()
  })

  const reports = (): number => watched.host.reports.length
  /** Resolves once it has been degraded and is well again. */
  const recovered = async (since: number): Promise<void> => {
    await waitFor('the receiver to notice', () => watched.host.reports.slice(since).some((s) => s.state === 'degraded'))
    await watched.ready()
  }

  it('a killed bus: no false event, one gap, and it goes on', async () => {
    const since = reports()
    await lab.killBus()
    await recovered(since)
    const events = await watched.take()
    expect(ours(events)).toEqual([])
    expect(gaps(events)).toEqual(['bus_lost'])
    await lab.systemctl('restart', 'other.service')
    expect(ours(await watched.take())).toEqual([
      'unit.restarting other.service false',
      'unit.restarted other.service false',
      'job.finished other.service false',
    ])
  })

  it('a bus away for a while: what happened meanwhile is told, as inferred', async () => {
    const since = reports()
    await lab.stopBus()
    await waitFor('the receiver to notice', () => watched.host.reports.slice(since).some((s) => s.state === 'degraded'))
    // systemctl falls back to the private socket of PID 1.
    await lab.systemctl('restart', 'other.service')
    await lab.systemctl('kill', '--signal=KILL', 'victim.service')
    await waitFor(
      'the death',
      async () => (await lab.show('victim.service', 'ActiveState'))['ActiveState'] === 'failed',
    )
    await lab.startBus()
    await watched.ready()
    const events = await watched.take()
    expect(gaps(events)).toEqual(['bus_lost'])
    expect(ours(events)).toEqual(
      expect.arrayContaining([
        'unit.failed victim.service true',
        'unit.restarting other.service true',
        'unit.restarted other.service true',
      ]),
    )
    expect(ours(events)).toHaveLength(3)
    await lab.systemctl('reset-failed', 'victim.service')
    await lab.systemctl('start', 'victim.service')
    await watched.take()
  })

  it('ten daemon-reloads and five daemon-reexecs: no false event', async () => {
    for (let i = 0; i < 10; i++) await lab.daemonReload()
    for (let i = 0; i < 5; i++) {
      await lab.systemctl('daemon-reexec')
      await waitFor('systemd to be back', async () => {
        return (await lab.exec(['systemctl', 'is-active', 'steady.service'], { allowFailure: true })).code === 0
      })
    }
    const events = await watched.take()
    expect(ours(events)).toEqual([])
    expect(gaps(events)).toContain('reload')
    expect(gaps(events)).toContain('reexec')
  })

  it('a restart while systemd executes itself anew is seen exactly once', async () => {
    await Promise.all([lab.systemctl('daemon-reexec'), lab.systemctl('restart', 'other.service')])
    const names = ours(await watched.take()).map((line) => line.split(' ')[0])
    expect(names.filter((name) => name === 'unit.restarting')).toHaveLength(1)
    expect(names.filter((name) => name === 'unit.restarted')).toHaveLength(1)
    expect(names.filter((name) => name === 'unit.started' || name === 'unit.stopped')).toEqual([])
  })

  it('a hung systemd: said so within 20 s, and what it sends later is told', { timeout: 60_000 }, async () => {
    const since = reports()
    process.kill(lab.pid1, 'SIGSTOP')
    try {
      await waitFor('the receiver to notice', () => watched.host.last?.state === 'degraded', { timeoutMs: 20_000 })
    } finally {
      process.kill(lab.pid1, 'SIGCONT')
    }
    await recovered(since)
    await lab.systemctl('restart', 'other.service')
    const events = await watched.take()
    expect(gaps(events)).toEqual([])
    expect(ours(events)).toHaveLength(3)
  })

  it('has dropped nothing in all this', () => {
    expect([...watched.telemetry.drops]).toEqual([])
    expect(watched.telemetry.processedItems).toBe(watched.exporter.items)
  })
})

describeLab('a bus that is missing at start', () => {
  it('starts degraded, and watches as soon as it is there', () =>
    withLab(async (lab) => {
      await prepare(lab)
      await lab.stopBus()
      const watched = await watch(lab, { collection_interval: '1s' }, false)
      try {
        await waitFor('the receiver to say so', () => watched.host.last?.state === 'degraded')
        const ups = (): unknown[] =>
          watched.exporter.metrics
            .filter((m) => m.name === metric.sourceUp)
            .flatMap((m) => m.points.map((p) => 'value' in p && p.value))
        await waitFor('the metric to say so', () => ups().includes(0))
        await lab.startBus()
        await watched.ready()
        await lab.systemctl('stop', 'other.service')
        // Nothing was known before, so nothing was missed: no gap, and no event for what was found.
        const events = await watched.take()
        expect(gaps(events)).toEqual([])
        expect(ours(events)).toEqual(['unit.stopped other.service false', 'job.finished other.service false'])
        await waitFor('the metric to follow', () => ups().at(-1) === 1)
      } finally {
        await watched.close()
      }
    }))
})

describeLab('a storm', () => {
  const kUnits = 100
  const kSeconds = 20
  for (const bus of ['daemon', 'broker'] as const) {
    describe(`on ${bus}`, () => {
      it(
        `${kUnits} units that crash and restart each 100 ms for ${kSeconds} s: every restart counted`,
        { timeout: 120_000 },
        () =>
          withLab(
            async (lab) => {
              const text =
                '[Unit]\nStartLimitIntervalSec=0\n[Service]\nExecStart=/bin/false\nRestart=always\nRestartSec=100ms\n'
              const names = Array.from({ length: kUnits }, (_, i) => `loop${i}.service`)
              for (const name of names) lab.writeUnit(name, text)
              await lab.daemonReload()
              await lab.systemctl('start', 'dbus.service')
              const watched = await watch(lab, {
                max_events_per_second: 100_000,
                max_latency: '100ms',
                collection_interval: '0s',
              })
              try {
                await lab.systemctl('start', '--no-block', ...names)
                await new Promise((resolve) => setTimeout(resolve, kSeconds * 1000)) // the storm itself
                await lab.systemctl('stop', ...names)
                const events = await watched.take()
                const told = countBy(events.filter((one) => one.name === event.restarted))
                const scheduled = await lab.journal(
                  'MESSAGE_ID=5eb03494b6584870a536b337290809b3',
                  '--output-fields=UNIT,N_RESTARTS',
                )
                const journal = new Map<string, number>()
                for (const { UNIT = '', N_RESTARTS = '0' } of scheduled) {
                  journal.set(UNIT, Math.max(journal.get(UNIT) ?? 0, Number(N_RESTARTS)))
                }
                expect(journal.size).toBe(kUnits)
                expect(total(journal)).toBeGreaterThan(kUnits * 10)
                for (const name of names) expect(told.get(name), name).toBe(journal.get(name))
                expect([...watched.telemetry.drops]).toEqual([])
                expect(watched.telemetry.processedItems).toBe(watched.exporter.items)
                console.log(`${bus}: ${total(journal)} restarts of ${kUnits} units, ${events.length} events`)
              } finally {
                await watched.close()
              }
            },
            { bus },
          ),
      )
    })
  }
})

function countBy(events: readonly RawEvent[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const one of events) {
    const unit = String(one.attributes[attr.unit])
    counts.set(unit, (counts.get(unit) ?? 0) + 1)
  }
  return counts
}

function total(counts: ReadonlyMap<string, number>): number {
  return [...counts.values()].reduce((sum, n) => sum + n, 0)
}
