import { afterAll, beforeAll, expect, it } from 'vitest'
import type { RawEvent } from '../../src/data/event.js'
import { attr, event, metric } from '../../src/lib/systemd/names.js'
import { describeLab } from '../lab/describe-lab.js'
import { bootLab, type Lab, waitFor, withLab } from '../lab/lab.js'
import { isGap, type Watch, watch } from './systemd-support.js'

const sleeper = '[Service]\nExecStart=/bin/sleep infinity\n'
const tolerant = { allowFailure: true }
const labUnits = ['steady.service', 'victim.service', 'other.service']

/** Events about the lab's own services: the bus is a unit too, and its death is news, but not what is asked here. */
function ours(events: readonly RawEvent[]): string[] {
  return events
    .filter((one) => labUnits.includes(String(one.attributes[attr.unit])))
    .map(
      (one) =>
        `${one.name.replace('systemd.', '')} ${one.attributes[attr.unit]} ${one.attributes[attr.synthetic] ?? false}`,
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
        return (await lab.exec(['systemctl', 'is-active', 'steady.service'], tolerant)).code === 0
      })
    }
    const events = await watched.take()
    expect(ours(events)).toEqual([])
    expect(gaps(events)).toContain('reload')
    expect(gaps(events)).toContain('reexec')
  })

  it('a restart in the middle of which systemd executes itself anew is seen exactly once', async () => {
    // It stops as soon as it may, which is while systemd is busy with itself: the job outlives the process that ran it.
    lab.writeUnit('slow.service', `${sleeper}ExecStop=/bin/sh -c 'until [ -e /run/let-go ]; do sleep 0.01; done'\n`)
    await lab.daemonReload()
    await lab.systemctl('start', 'slow.service')
    const { InvocationID: before } = await lab.show('slow.service', 'InvocationID')
    await watched.take()
    await lab.systemctl('restart', '--no-block', 'slow.service')
    await waitFor('its stop', async () => {
      return (await lab.show('slow.service', 'SubState'))['SubState'] === 'stop'
    })
    const reexec = lab.systemctl('daemon-reexec')
    lab.writeFile('/run/let-go', '')
    await reexec
    await waitFor('the second run', async () => {
      // Asked while systemd executes itself anew, systemctl loses its connection and fails.
      const shown = await lab.exec(['systemctl', 'show', 'slow.service', '-p', 'InvocationID,SubState'], tolerant)
      return shown.stdout.includes('SubState=running') && !shown.stdout.includes(before!)
    })
    const events = await watched.take()
    const names = events.filter((one) => one.attributes[attr.unit] === 'slow.service').map((one) => one.name)
    expect(names.filter((name) => name !== event.jobFinished)).toEqual([event.restarting, event.restarted])
    expect(gaps(events)).toEqual(['reexec'])
  })

  it('a hung systemd: said so, and what it sends later is told', async () => {
    const since = reports()
    process.kill(lab.pid1, 'SIGSTOP')
    try {
      await waitFor('the receiver to notice', () => watched.host.last?.state === 'degraded')
    } finally {
      process.kill(lab.pid1, 'SIGCONT')
    }
    await recovered(since)
    await lab.systemctl('restart', 'other.service')
    const events = await watched.take()
    expect(gaps(events)).toEqual([])
    expect(ours(events)).toHaveLength(3)
  })

  it('has dropped nothing in all this', async () => {
    await watched.close()
    expect([...watched.telemetry.drops]).toEqual([])
    watched.checkLedger()
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
