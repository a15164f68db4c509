import { expect } from 'vitest'
import type { Settings } from '../../src/component/component.js'
import { silentLogger } from '../../src/component/logger.js'
import { ok } from '../../src/component/outcome.js'
import type { Batch } from '../../src/data/batch.js'
import type { RawEvent } from '../../src/data/event.js'
import { schema } from '../../src/receivers/replay/config.js'
import { createReplayReceiver } from '../../src/receivers/replay/replay-receiver.js'
import { createTestConfig } from '../../src/testkit/create-test-config.js'
import { MemoryExporter } from '../../src/testkit/memory-exporter.js'
import { RecordingTelemetry, TestHost, testSettings } from '../../src/testkit/test-settings.js'

export interface Played {
  readonly exporter: MemoryExporter
  readonly telemetry: RecordingTelemetry
  readonly host: TestHost
  /** What the receiver said when its file was over, why it could not go on, or why it could not start. */
  readonly said: string
  readonly events: readonly RawEvent[]
}

/** Plays a file to its end with the real receiver and the real parser. */
export async function playRecording(
  file: string,
  written: Record<string, unknown> = {},
  part: Partial<Settings> = {},
  onBatch: (batch: Batch) => void = () => {},
): Promise<Played> {
  const exporter = new MemoryExporter()
  exporter.respond = (batch) => {
    onBatch(batch)
    return ok
  }
  const telemetry = new RecordingTelemetry()
  let end: (message: string) => void
  const ended = new Promise<string>((resolve) => {
    end = resolve
  })
  const logger = { ...silentLogger, info: (message: string): void => end(message) }
  const host = new TestHost()
  const report = host.report.bind(host)
  host.report = (status) => {
    report(status)
    if ('reason' in status) end(status.reason)
  }
  const settings = testSettings('receiver', 'replay', { telemetry, logger, ...part })
  const receiver = createReplayReceiver(
    settings,
    createTestConfig(schema, { file, speed: 'max', ...written }),
    exporter,
  )
  let said: string
  try {
    const refused = await receiver.start(host).then(
      () => undefined,
      (error: Error) => error.message,
    )
    said = refused ?? (await ended)
  } finally {
    await receiver.shutdown()
  }
  return { exporter, telemetry, host, said, events: exporter.events }
}

/** in = out + dropped: at rest, with tolerance 0. */
export function expectLedger({ exporter, telemetry }: Pick<Played, 'exporter' | 'telemetry'>): void {
  const dropped = [...telemetry.drops.values()].reduce((sum, items) => sum + items, 0)
  expect(telemetry.processedItems).toBe(exporter.items + dropped)
}
