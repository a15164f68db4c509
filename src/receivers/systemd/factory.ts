import { statSync } from 'node:fs'
import { loadNative } from '../../binding/native.js'
import type { ConfigComplaint, Consumer, ReceiverFactory, Settings } from '../../component/component.js'
import { compilePattern } from '../../lib/matching/pattern.js'
import { busAddress, parseBusAddress } from '../../lib/systemd/bus.js'
import { type Config, schema } from './config.js'
import { createSystemdReceiver } from './systemd-receiver.js'

export const factory = {
  type: 'systemd',
  kind: 'receiver',
  stability: 'beta',
  description:
    "Events and state metrics of systemd's units, from its D-Bus signals: starts, stops, failures, restarts and why.",
  configSchema: schema,
  signals: ['logs', 'metrics'],
  capabilities: ['process', 'system_wide', 'realtime'],
  unavailable() {
    const loaded = loadNative()
    return 'unavailable' in loaded ? loaded.unavailable : undefined
  },
  limited: () => missingBus(busAddress('system', process.env, process.getuid?.() ?? 0)),
  check(config: Config): readonly ConfigComplaint[] {
    const complaints: ConfigComplaint[] = []
    if (!config.monitor_all_services && config.service_whitelist.length === 0) {
      complaints.push({
        path: ['service_whitelist'],
        reason: 'needed when monitor_all_services is false: nothing would be watched',
      })
    }
    for (const key of ['service_whitelist', 'service_blacklist', 'fold'] as const) {
      for (const [index, pattern] of config[key].entries()) {
        const compiled = compilePattern(pattern)
        if (typeof compiled !== 'function') complaints.push({ path: [key, index], reason: compiled.reason })
      }
    }
    if (config.private_socket && config.overflow_policy === 'block') {
      complaints.push({
        path: ['private_socket'],
        reason: 'not with overflow_policy block: what is not read there grows in the memory of PID 1',
      })
    }
    const limits = [
      ['poll_interval', 5000, 3_600_000, 'from 5s to 1h, or 0s for never'],
      ['collection_interval', 1000, 3_600_000, 'from 1s to 1h, or 0s for never'],
      ['batch_timeout', 0, 10_000, 'at most 10s'],
      ['history_max', 60_000, 30 * 86_400_000, 'from 1m to 30d'],
    ] as const
    for (const [key, least, most, range] of limits) {
      const ms = config[key]
      const isNever = ms === 0 && key !== 'history_max'
      if (!isNever && (ms < least || ms > most)) complaints.push({ path: [key], reason: `must be ${range}` })
    }
    const address = config.address === undefined ? [] : parseBusAddress(config.address)
    if ('reason' in address) complaints.push({ path: ['address'], reason: address.reason })
    return complaints
  },
  create: (settings: Settings, config: Config, next: Consumer) => createSystemdReceiver(settings, config, next),
} satisfies ReceiverFactory

/** Why nobody can be reached at an address; undefined where a socket is, or may be (an abstract one is no file). */
function missingBus(address: string): string | undefined {
  const servers = parseBusAddress(address)
  if ('reason' in servers) return `the system bus address ${servers.reason}`
  const paths = servers.map((server) => server.replace(/^unix:path=/, ''))
  if (paths.some((path) => !path.startsWith('/') || isSocket(path))) return undefined
  return (
    `no system bus at ${paths.join(' or ')}: start dbus (systemctl start dbus), in a container mount the host's ` +
    '/run/dbus, or name the socket in `address`; a running agent goes on trying'
  )
}

function isSocket(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isSocket() ?? false
}
