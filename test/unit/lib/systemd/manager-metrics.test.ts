import { expect, test } from 'vitest'
import type { ControlPlane, Properties } from '../../../../src/lib/systemd/control-plane.js'
import { managerMetrics, readManager } from '../../../../src/lib/systemd/manager-metrics.js'

const host = { key: 'host', attributes: {} }

/** `name{value of the attribute}: value` of each point that is not 0. */
function told(properties: Properties): string[] {
  return managerMetrics({ readNs: 5n, properties }, host, 1n).flatMap(({ name, points }) =>
    points.flatMap((point) => {
      if (!('value' in point) || point.value === 0) return []
      return `${name.replace('systemd.', '')}{${Object.values(point.attributes).join()}}: ${point.value}`
    }),
  )
}

test('a booted machine with a watchdog', () => {
  expect(
    told({
      SystemState: 'degraded',
      Version: '256.4-1',
      Virtualization: 'kvm',
      FirmwareTimestamp: 1_700_000_000_000_000n,
      FirmwareTimestampMonotonic: 9_500_000n,
      KernelTimestamp: 1_700_000_009_500_000n,
      KernelTimestampMonotonic: 0n,
      LoaderTimestamp: 0n,
      WatchdogDevice: '/dev/watchdog0',
      RuntimeWatchdogUSec: 30_000_000n,
      WatchdogLastPingTimestamp: 1_700_000_020_000_000n,
      WatchdogLastPingTimestampMonotonic: 10_500_000n,
    }),
  ).toEqual([
    'system.state{degraded}: 1',
    'version{256.4-1}: 256.4',
    'virtualization{kvm}: 1',
    'boot.time{Firmware}: 1700000000',
    'boot.time{Kernel}: 1700000009.5',
    'boot.monotonic{Firmware}: 9.5',
    'watchdog.enabled{}: 1',
    'watchdog.runtime{/dev/watchdog0}: 30',
    'watchdog.last_ping_time{/dev/watchdog0}: 1700000020',
    'watchdog.last_ping_monotonic{/dev/watchdog0}: 10.5',
  ])
})

test('what systemd does not say is left out: no stages, no watchdog, a version that is none', () => {
  expect(told({ SystemState: 'running', Version: 'v-next', RuntimeWatchdogUSec: 2n ** 64n - 1n })).toEqual([
    'system.state{running}: 1',
    'virtualization{none}: 1',
  ])
})

test('all is read on a new connection and until the boot is over, then only what changes', async () => {
  const asked: string[] = []
  const plane = {
    async getManagerProperties() {
      asked.push('all')
      return { SystemState: 'starting', FinishTimestamp: 0n, WatchdogDevice: '/dev/watchdog' }
    },
    async getManagerProperty(name: string) {
      asked.push(name)
      return name === 'SystemState' ? 'running' : 7n
    },
  } as unknown as ControlPlane
  const first = await readManager(plane, undefined, () => 1n)
  await readManager(plane, first.properties, () => 2n)
  const booted = { ...first.properties, FinishTimestamp: 9n }
  const later = await readManager(plane, booted, () => 3n)
  expect(later).toEqual({
    readNs: 3n,
    properties: {
      ...booted,
      SystemState: 'running',
      WatchdogLastPingTimestamp: 7n,
      WatchdogLastPingTimestampMonotonic: 7n,
    },
  })
  expect(asked).toEqual([
    'all',
    'all',
    'SystemState',
    'WatchdogLastPingTimestamp',
    'WatchdogLastPingTimestampMonotonic',
  ])
  await readManager(plane, { ...booted, WatchdogDevice: '' }, () => 4n)
  expect(asked.slice(5)).toEqual(['SystemState'])
})
