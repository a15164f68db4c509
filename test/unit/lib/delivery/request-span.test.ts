import { expect, test } from 'vitest'
import type { Attributes } from '../../../../src/data/attributes.js'
import { RequestSpan } from '../../../../src/lib/delivery/request-span.js'
import type { Fate } from '../../../../src/lib/delivery/sender.js'
import { parcel } from './rig.js'

/** How the span of a request with five items ends: its error, and the attributes that depend on it. */
function ended(fate: Fate | 'evicted'): { readonly error: string | undefined; readonly attributes: Attributes } {
  const ends: { readonly error: string | undefined; readonly attributes: Attributes }[] = []
  const end = (attributes: Attributes, error?: string): void => void ends.push({ error, attributes })
  const span = new RequestSpan({ event() {}, end }, parcel(5), {})
  span.tries()
  span.end(fate)
  return ends[0]!
}

test.each<[Fate | 'evicted', outcome: string, sent: number, error: string | undefined, more?: Attributes]>([
  [{ kind: 'delivered', rejected: 0, message: '' }, 'delivered', 5, undefined],
  [{ kind: 'delivered', rejected: 2, message: 'too old' }, 'partial_success', 3, 'partial_success: too old'],
  // A server that rejects more than it was sent.
  [{ kind: 'delivered', rejected: 9, message: '' }, 'partial_success', 0, 'partial_success'],
  [{ kind: 'permanent', reason: 'HTTP 401: who?' }, 'permanent', 0, 'HTTP 401: who?', { 'error.permanent': true }],
  [{ kind: 'retry_exhausted', reason: 'UNAVAILABLE: gone' }, 'retry_exhausted', 0, 'UNAVAILABLE: gone'],
  [{ kind: 'aborted' }, 'shutdown', 0, 'shutdown: the agent stops'],
  ['evicted', 'queue_full', 0, 'queue_full: newer data took its place'],
])('%o', (fate, outcome, sent, error, more = {}) => {
  expect(ended(fate)).toEqual({
    error,
    attributes: {
      'items.sent': sent,
      'items.failed': 5 - sent,
      'unitscope.request.bytes': 10,
      'unitscope.request.tries': 1,
      'unitscope.request.outcome': outcome,
      ...(error === undefined ? {} : { 'error.type': error.split(':')[0] }),
      ...more,
    },
  })
})
