import { expect, test } from 'vitest'
import { Severity } from '../../../src/data/event.js'
import { type Priority, priorityOfEvent, priorityOfSpan } from '../../../src/data/priority.js'
import { event } from '../../../src/lib/systemd/names.js'
import { sampleEvent, sampleSpan } from '../../../src/testkit/sample.js'

const { info, warn, error } = Severity

test.each<[name: string, severity: (typeof Severity)[keyof typeof Severity], class_: Priority]>([
  [event.failed, error, 'failure'],
  [event.oomKilled, error, 'failure'],
  // Taken down by another's failure.
  [event.stopped, warn, 'failure'],
  // What tells of losses is not lost first.
  [event.gap, warn, 'failure'],
  [event.suppressed, warn, 'failure'],
  ['pattern.crash_loop.detected', error, 'pattern'],
  // The end of a finding is worth as much as its beginning: without it an alert stays open.
  ['pattern.crash_loop.cleared', info, 'pattern'],
  ['incident.opened', error, 'pattern'],
  ['incident.resolved', info, 'pattern'],
  // What the agent finds out about itself.
  ['unitscope.component.recovered', info, 'pattern'],
  [event.started, info, 'state'],
  [event.stopped, info, 'state'],
  // A program may call each of its lines an error.
  ['', error, 'log_line'],
  ['', info, 'log_line'],
])('%s of severity %i is of class %s', (name, severity, class_) => {
  expect(priorityOfEvent(sampleEvent({ name, severity }))).toBe(class_)
})

test('a span that failed is a failure, another a state', () => {
  expect(priorityOfSpan(sampleSpan({ status: { code: 'error' } }))).toBe('failure')
  expect(priorityOfSpan(sampleSpan({ status: { code: 'ok' } }))).toBe('state')
  expect(priorityOfSpan(sampleSpan())).toBe('state')
})
