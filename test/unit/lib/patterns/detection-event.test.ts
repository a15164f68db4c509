import { expect, test } from 'vitest'
import { detectionEvent } from '../../../../src/lib/patterns/detection-event.js'
import type { Detection } from '../../../../src/lib/patterns/detector.js'
import { attr } from '../../../../src/lib/systemd/names.js'
import { sampleEvent, sampleResource } from '../../../../src/testkit/sample.js'

const unit = { key: 'k', name: 'web.service', resource: sampleResource('web.service') }
const detection: Detection = {
  ...{ phase: 'detected', unit, kind: 'rapid', atMs: 0, confidence: 0.98765, body: 'web.service is in a loop' },
  evidence: { count: 3 },
}

test('a finding says which incident the event that tipped it belongs to', () => {
  const cause = sampleEvent({ attributes: { [attr.incidentId]: 'a'.repeat(32) } })
  expect(detectionEvent('crash_loop', { ...detection, cause }, 1n).attributes[attr.incidentId]).toBe('a'.repeat(32))
})

test.each([
  ['no event tipped it', detection],
  ['the event belongs to none', { ...detection, cause: sampleEvent() }],
])('and of none where %s', (_, one) => {
  expect(detectionEvent('crash_loop', one, 1n).attributes).toEqual({
    [attr.unit]: 'web.service',
    'pattern.kind': 'rapid',
    'pattern.confidence': 0.988,
    'pattern.crash_loop.count': 3,
  })
})

test('a long story is cut: 1024 characters, the newest 16 runs', () => {
  const runs = Array.from({ length: 20 }, (_, n) => n.toString(16).padStart(32, '0'))
  const { body, attributes } = detectionEvent('crash_loop', { ...detection, body: 'x'.repeat(2000), runs }, 1n)
  expect(body).toHaveLength(1024)
  expect(attributes['pattern.runs']).toEqual(runs.slice(4))
})
