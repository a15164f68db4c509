import { Buffer } from 'node:buffer'
import type { Receiver } from '../../src/component/component.js'
import type { RawEvent } from '../../src/data/event.js'
import { findJournalctl } from '../../src/lib/journal/journalctl.js'
import { schema } from '../../src/receivers/journald/config.js'
import { createJournaldReceiver } from '../../src/receivers/journald/journald-receiver.js'
import { createTestConfig } from '../../src/testkit/create-test-config.js'
import { MemoryExporter } from '../../src/testkit/memory-exporter.js'
import { RecordingTelemetry, TestHost, testSettings } from '../../src/testkit/test-settings.js'
import { systemClock } from '../../src/util/clock.js'
import { type Lab, run, waitFor } from '../lab/lab.js'

/** Where a lab's journal lies, as seen from here. */
export const journalFolder = (lab: Lab): string => `${lab.root}/run/log/journal`

export interface Reading {
  readonly exporter: MemoryExporter
  readonly host: TestHost
  readonly telemetry: RecordingTelemetry
  /** Resolves when as many lines have arrived. */
  arrived(lines: number, timeoutMs?: number): Promise<void>
  close(): Promise<void>
}

/** The real receiver, in this process, on a lab's journal. */
export async function read(
  lab: Lab,
  written: Record<string, unknown> = {},
  {
    first = 'ok',
    journalctl = findJournalctl(),
    ...part
  }: { readonly stateDirectory?: string; readonly first?: 'ok' | 'degraded'; readonly journalctl?: string } = {},
): Promise<Reading> {
  const exporter = new MemoryExporter()
  const host = new TestHost()
  const telemetry = new RecordingTelemetry()
  const settings = testSettings('receiver', 'journald', { clock: systemClock, random: Math.random, telemetry, ...part })
  const place = written['root'] === undefined ? { directory: journalFolder(lab) } : {}
  const config = createTestConfig(schema, { ...place, ...written })
  const world = { journalctl, env: {} }
  const receiver: Receiver = createJournaldReceiver(settings, config, exporter, world)
  await receiver.start(host)
  await waitFor(`the receiver to be ${first}`, () => host.last?.state === first).catch((error: Error) => {
    throw new Error(`${error.message}; it said ${JSON.stringify(host.reports)}`)
  })
  return {
    exporter,
    host,
    telemetry,
    async arrived(lines, timeoutMs = 60_000) {
      const count = (): number => exporter.items
      await waitFor(`${lines} lines`, () => count() >= lines, { timeoutMs }).catch((error: Error) => {
        throw new Error(`${error.message}; ${count()} are here`)
      })
    },
    close: () => receiver.shutdown(),
  }
}

/** What journalctl itself says there is, oldest first: the message of each entry and its cursor. */
export async function truth(lab: Lab, ...matches: string[]): Promise<readonly { message: string; usec: string }[]> {
  await lab.exec(['journalctl', '--sync'])
  const { stdout } = await run('journalctl', ['-D', journalFolder(lab), '-o', 'json', '--all', '-q', ...matches])
  return stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as { MESSAGE?: string | readonly number[]; __REALTIME_TIMESTAMP: string })
    .map(({ MESSAGE = '', __REALTIME_TIMESTAMP }) => ({
      message: typeof MESSAGE === 'string' ? MESSAGE : Buffer.from(MESSAGE).toString('utf8'),
      usec: __REALTIME_TIMESTAMP,
    }))
}

export const linesOf = (events: readonly RawEvent[]): readonly { message: string; usec: string }[] =>
  events
    .filter(({ name }) => name === '')
    .map(({ body, timeUnixNano }) => ({ message: body, usec: String(timeUnixNano / 1000n) }))

/** A service that writes numbered lines, `burst` at once and then a pause of 50 ms. */
export function chatter(lines: number, word = 'line', burst = 1000): string {
  const pause = `if [ $((i % ${burst})) = 0 ]; then sleep 0.05; fi`
  const script = `i=0; while [ $i -lt ${lines} ]; do echo "${word} $i"; i=$((i+1)); ${pause}; done`
  return `[Service]\nType=oneshot\nExecStart=/bin/sh -c '${script.replace(/%/g, '%%')}'\n`
}
