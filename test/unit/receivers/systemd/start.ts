import { attr } from '../../../../src/lib/systemd/names.js'
import { schema } from '../../../../src/receivers/systemd/config.js'
import { createSystemdReceiver } from '../../../../src/receivers/systemd/systemd-receiver.js'
import { createTestConfig } from '../../../../src/testkit/create-test-config.js'
import { FakeClock } from '../../../../src/testkit/fake-clock.js'
import { MemoryExporter } from '../../../../src/testkit/memory-exporter.js'
import { RecordingTelemetry, TestHost, testSettings } from '../../../../src/testkit/test-settings.js'
import { brief } from '../../lib/systemd/script.js'
import { FakeSource } from './fake-source.js'

export const quiet = { collection_interval: '0s', poll_interval: '0s' }
export const running = { activeState: 'active', subState: 'running', result: 'success', stateChangeUsec: 1000 }

/** The receiver on a source of its own, started and well unless the source says otherwise. */
export async function start(
  written: Record<string, unknown> = quiet,
  prepare: (source: FakeSource, exporter: MemoryExporter) => void = () => {},
  given: Parameters<typeof testSettings>[2] = {},
) {
  const source = new FakeSource()
  const exporter = new MemoryExporter()
  prepare(source, exporter)
  const clock = new FakeClock()
  const host = new TestHost()
  const telemetry = new RecordingTelemetry()
  const settings = testSettings('receiver', 'systemd', { clock, telemetry, random: () => 1, ...given })
  const receiver = createSystemdReceiver(settings, createTestConfig(schema, written), exporter, source)
  await receiver.start(host)
  await clock.advance(0)
  const told = (): string[] => exporter.events.map(brief)
  const gaps = () =>
    exporter.events.map(({ attributes }) => attributes[attr.gapReason]).filter((reason) => reason !== undefined)
  const states = (): string[] =>
    host.reports.filter(({ state }) => state !== 'starting').map((one) => ('reason' in one ? one.reason : one.state))
  return { source, clock, exporter, host, telemetry, settings, receiver, told, gaps, states }
}
