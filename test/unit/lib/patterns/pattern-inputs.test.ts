import { expect, test } from 'vitest'
import { batchOf } from '../../../../src/data/batch.js'
import type { Detector, DetectorContext, Unit } from '../../../../src/lib/patterns/detector.js'
import { PatternProcessor } from '../../../../src/lib/patterns/pattern-processor.js'
import { attr, event as names } from '../../../../src/lib/systemd/names.js'
import { settle } from '../../../../src/testkit/fake-clock.js'
import { MemoryExporter } from '../../../../src/testkit/memory-exporter.js'
import { sampleEvent, sampleGauge, sampleResource } from '../../../../src/testkit/sample.js'
import { TestHost, testSettings } from '../../../../src/testkit/test-settings.js'

const machine = { key: 'unitscope', attributes: { 'service.name': 'unitscope' } }

/** A detector that notes what it is shown, and tells of each unit that it has a sample of. */
async function rig(ofMachine: boolean) {
  const shown: string[] = []
  let given: DetectorContext | undefined
  const detector: Detector = {
    finding: (event, unit) => void shown.push(`${event.name} of ${unit.name}`),
    signal: ({ kind, unit }) => void shown.push(`${kind} ${unit.name}`),
    sample(unit: Unit, metric, atMs) {
      shown.push(`${metric.name} of ${unit.name || 'the machine'}`)
      given!.tell({ phase: 'detected', unit, kind: 'any', atMs, confidence: 1, body: 'something', evidence: {} })
    },
  }
  const out = new MemoryExporter()
  const processor = new PatternProcessor(testSettings('processor', 'any'), out, {
    pattern: 'any',
    metrics: new Set(['test.level']),
    ofMachine,
    create(context) {
      given = context
      return detector
    },
  })
  const host = new TestHost()
  await processor.start(host)
  return { processor, out, shown, host, context: given! }
}

const about = (name: string) =>
  sampleEvent({ name, attributes: { [attr.unit]: 'a.service' }, resource: sampleResource('a.service') })

test('findings of patterns before it are shown to a detector that asks for them, beside what units do', async () => {
  const { processor, shown } = await rig(false)
  const events = ['pattern.crash_loop.detected', names.failed, 'incident.opened'].map(about)
  await processor.consume(batchOf({ events }))
  expect(shown).toEqual(['pattern.crash_loop.detected of a.service', 'failed a.service'])
})

test('points of the machine are shown to a detector that asks for them, and what it finds there is of no unit', async () => {
  const metrics = [sampleGauge([1], { resource: machine }), sampleGauge([1], { resource: sampleResource('a.service') })]
  const without = await rig(false)
  await without.processor.consume(batchOf({ metrics }))
  expect(without.shown).toEqual(['test.level of a.service'])

  const { processor, shown, out } = await rig(true)
  await processor.consume(batchOf({ metrics }))
  await settle()
  expect(shown).toEqual(['test.level of the machine', 'test.level of a.service'])
  expect(out.events.map(({ resource, attributes }) => [resource.key, attributes[attr.unit]])).toEqual([
    ['unitscope', undefined],
    [sampleResource('a.service').key, 'a.service'],
  ])
})

test('what a detector lacks is its status, until it has it', async () => {
  const { host, context } = await rig(false)
  context.lacks('it needs metrics')
  expect(host.last).toEqual({ state: 'degraded', reason: 'it needs metrics' })
  context.lacks(undefined)
  expect(host.last).toEqual({ state: 'ok' })
})
