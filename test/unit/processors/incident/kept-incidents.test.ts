import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Settings } from '../../../../src/component/component.js'
import { batchOf } from '../../../../src/data/batch.js'
import { ResourcePool } from '../../../../src/data/resource.js'
import { incidentEvent, incidentMetric } from '../../../../src/lib/incidents/names.js'
import { attr, event as names } from '../../../../src/lib/systemd/names.js'
import { schema } from '../../../../src/processors/incident/config.js'
import { factory } from '../../../../src/processors/incident/factory.js'
import { createTestConfig } from '../../../../src/testkit/create-test-config.js'
import { FakeClock, settle } from '../../../../src/testkit/fake-clock.js'
import { MemoryExporter } from '../../../../src/testkit/memory-exporter.js'
import { sampleEvent, sampleResource } from '../../../../src/testkit/sample.js'
import { type RecordingTelemetry, TestHost, testSettings } from '../../../../src/testkit/test-settings.js'

const kStartNano = 1_700_000_000_000_000_000n
const path = (): string => join(folder, 'processor.incident@main.incidents')
const boot = 'b'.repeat(32)

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'incidents-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

/** One life of the agent, from so many seconds on. */
async function live(atSeconds: number, part: Partial<Settings> & { readonly boot?: string } = {}) {
  const clock = new FakeClock(kStartNano + BigInt(atSeconds) * 1_000_000_000n)
  const warnings: string[] = []
  const settings = testSettings('processor', 'incident', {
    clock,
    stateDirectory: folder,
    pipeline: 'main',
    logger: { debug() {}, info() {}, error() {}, warn: (text: string) => void warnings.push(text) },
    resources: new ResourcePool({ 'systemd.boot_id': part.boot ?? boot }),
    random: Math.random,
    ...part,
  })
  const next = new MemoryExporter()
  const processor = factory.create(settings, createTestConfig(schema, {}), next)
  await processor.start(new TestHost())
  await settle()
  return {
    clock,
    next,
    processor,
    warnings,
    telemetry: settings.telemetry as RecordingTelemetry,
    incidents: () => next.events.filter(({ name }) => name.startsWith('incident.')),
    roots: () => next.spans.filter(({ name }) => name.startsWith('incident:')),
    async tell(name: string, run: string, attributes: Record<string, string> = {}, unit = 'a.service'): Promise<void> {
      const event = sampleEvent({
        name,
        timeUnixNano: clock.unixNano(),
        resource: sampleResource(unit),
        traceId: run.repeat(32),
        attributes: {
          [attr.unit]: unit,
          [attr.invocationId]: run.repeat(32),
          [attr.activeState]: name === names.failed ? 'failed' : 'active',
          [attr.result]: name === names.failed ? 'exit-code' : 'success',
          ...attributes,
        },
      })
      await processor.consume(batchOf({ events: [event] }))
      await settle()
    },
    /** Waits for what is on the disk, while `clock` goes on by `stepMs`: what changes during a write is written a while after its end. */
    kept: (text: string, stepMs = 0) =>
      vi.waitFor(
        async () => {
          const found = await readFile(path(), 'utf8')
          if (stepMs > 0 && !found.includes(text)) await clock.advance(stepMs)
          expect(found).toContain(text)
        },
        { timeout: 20_000 },
      ),
  }
}

const willRestart = { [attr.verdict]: 'will_restart' }

test('killed: the incident goes on, with its ID, its trace and its metric, and is opened once', async () => {
  const first = await live(0)
  await first.tell(names.failed, '1', willRestart)
  await first.clock.advance(1000)
  const [opened] = first.incidents()
  await first.kept(opened!.traceId!) // at once: no time goes by
  await first.tell(names.restarted, '2')
  await first.tell(names.failed, '2', willRestart)
  await first.clock.advance(1000)
  await first.kept('"failures":2', 100)

  const second = await live(12)
  expect(second.incidents()).toEqual([])
  await second.tell(names.failed, '3', { [attr.verdict]: 'gave_up' })
  const [updated] = second.incidents()
  expect(updated).toMatchObject({ name: incidentEvent.updated, traceId: opened!.traceId })
  expect(updated!.attributes).toMatchObject({ [attr.incidentState]: 'gave_up', [attr.incidentFailures]: 3 })
  expect(updated!.attributes[attr.incidentStartUsec]).toBe(opened!.attributes[attr.incidentStartUsec])
  expect(second.roots()).toHaveLength(1)
  const spanIds = [...first.next.spans, ...second.next.spans].map(({ spanId }) => spanId)
  expect(new Set(spanIds).size).toBe(spanIds.length)
  await second.clock.advance(1000)
  await second.kept('"root":true', 100) // that the root was sent

  const third = await live(60)
  await third.tell(names.started, '4')
  await third.clock.advance(100_000)
  expect(third.incidents().at(-1)!.attributes[attr.incidentResolution]).toBe('recovered')
  expect(third.incidents().map(({ traceId }) => traceId)).toEqual([opened!.traceId, opened!.traceId])
  expect(third.roots()).toEqual([])
  const units = third.next.metrics.filter(({ name }) => name === incidentMetric.units)
  expect(units.map(({ points }) => 'value' in points[0]! && points[0].value)).toEqual([...Array(6).fill(1), 0])
  await third.kept('"incidents":[]')
  for (const life of [first, second, third]) await life.processor.shutdown()
})

test('an orderly end closes no incident, and no trace; one that waited to be told of is', async () => {
  const first = await live(0)
  await first.tell(names.failed, '1', willRestart)
  await first.processor.shutdown()
  expect(first.incidents().map(({ name }) => name)).toEqual([incidentEvent.opened])
  expect(first.roots()).toEqual([])
  const second = await live(5)
  await second.tell(names.restarted, '2')
  await second.clock.advance(100_000)
  expect(second.incidents().map(({ name }) => name)).toEqual([incidentEvent.updated, incidentEvent.resolved])
  expect(second.roots()).toHaveLength(1)
  expect(second.roots()[0]!.traceId).toBe(first.incidents()[0]!.traceId)
  await second.processor.shutdown()
})

test('an end of which nothing can be kept is told as without a state directory', async () => {
  await writeFile(join(folder, 'file'), '')
  const life = await live(0, { stateDirectory: join(folder, 'file', 'in') })
  await life.tell(names.failed, '1', willRestart)
  await life.clock.advance(5000)
  await life.processor.shutdown()
  expect(life.roots()).toHaveLength(1)
  // It is told once that it cannot be written, at the start, and once that it cannot be read.
  expect(life.warnings).toEqual([
    expect.stringMatching(/^incidents cannot be kept: ENOTDIR/),
    expect.stringContaining('incidents begin anew'),
  ])
  expect(life.telemetry.errors.get('state_not_saved')).toBeGreaterThan(1)
})

test('a reboot has ended them all', async () => {
  const first = await live(0)
  await first.tell(names.failed, '1', willRestart)
  await first.processor.shutdown()
  const second = await live(90, { boot: 'c'.repeat(32) })
  expect(second.incidents().map(({ name, body }) => [name, body])).toEqual([
    [incidentEvent.resolved, 'incident of a.service ended with a reboot after 1m30s: 1 failure, 1 unit'],
  ])
  expect(second.incidents()[0]!.traceId).toBe(first.incidents()[0]!.traceId)
  expect(second.roots()).toHaveLength(1)
  await second.kept('"incidents":[]')
  await second.processor.shutdown()
})

test('a file that cannot be used is set aside, told once, and nothing is known', async () => {
  const first = await live(0)
  await first.tell(names.failed, '1', willRestart)
  await first.processor.shutdown()
  await writeFile(path(), (await readFile(path(), 'utf8')).replace('"failures":1', '"failures":7'))
  const second = await live(10)
  expect(second.warnings).toEqual([
    'incidents begin anew, the file that kept them cannot be used: its checksum is wrong',
  ])
  expect(second.telemetry.errors.get('state_damaged')).toBe(1)
  await second.tell(names.restarted, '2')
  await second.clock.advance(100_000)
  expect(second.incidents()).toEqual([])
  await second.processor.shutdown()
  expect((await readdir(folder)).sort()).toEqual([
    'processor.incident@main.incidents',
    'processor.incident@main.incidents.damaged',
  ])
})

test('an incident that could not be read back is left out and counted, and costs no other one', async () => {
  const first = await live(0)
  await first.tell(names.failed, '1', { ...willRestart, [attr.oomLimitedBy]: 'x'.repeat(5000) })
  await first.tell(names.failed, '2', willRestart, 'b.service')
  await first.processor.shutdown()
  expect(first.telemetry.errors.get('incidents_not_kept')).toBeGreaterThan(0)
  const second = await live(5)
  await second.tell(names.restarted, '3', {}, 'b.service')
  await second.clock.advance(100_000)
  expect(second.warnings).toEqual([])
  expect(second.incidents().at(-1)).toMatchObject({
    name: incidentEvent.resolved,
    body: expect.stringContaining('b.service'),
  })
  await second.processor.shutdown()
})

test('each pipeline has its own, and one that never started leaves what there is', async () => {
  const first = await live(0)
  await first.tell(names.failed, '1', willRestart)
  await first.processor.shutdown()
  const other = await live(5, { pipeline: 'other' })
  await other.tell(names.restarted, '2')
  await other.processor.shutdown()
  expect(other.incidents()).toEqual([])
  const settings = testSettings('processor', 'incident', { stateDirectory: folder, pipeline: 'main' })
  await factory.create(settings, createTestConfig(schema, {}), new MemoryExporter()).shutdown()
  expect(await readFile(path(), 'utf8')).toContain(first.incidents()[0]!.traceId)
})
