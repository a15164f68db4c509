import { expect, it } from 'vitest'
import { formatSummary, unbalanced } from '../../../src/cli/demo-summary.js'
import type { LedgerRow } from '../../../src/graph/ledger.js'

const tally = {
  units: new Set(['a.service', 'b.service']),
  events: new Map([
    ['systemd.unit.failed', 2],
    ['systemd.unit.restarted', 5],
  ]),
  metricPoints: 120,
  spans: 4,
  signals: 900,
}
const row = (part: Partial<LedgerRow>): LedgerRow => ({
  kind: 'receiver',
  id: 'systemd',
  in: 7,
  produced: 0,
  out: 7,
  dropped: {},
  held: 0,
  queued: 0,
  by_signal: {},
  signals: { logs: 0, metrics: 0, traces: 0 },
  ...part,
})
const summaryOf = (rows: readonly LedgerRow[]) => ({
  uptimeMs: 30_400,
  components: [],
  ledger: { rows, unrouted: {}, used: {}, undelivered: {} },
})

it('sums a run up, events by how often they came', () => {
  expect(formatSummary(summaryOf([row({})]), tally)).toBe(
    [
      'What passed in 30 s:',
      '  units                     2',
      '  signals                   900',
      '  events                    7',
      '    systemd.unit.restarted  5',
      '    systemd.unit.failed     2',
      '  metric points             120',
      '  spans                     4',
      '  dropped                   none',
      '  ledger                    holds: everything received was exported or dropped with a reason',
      '',
    ].join('\n'),
  )
})

it('names each drop with who and why', () => {
  const text = formatSummary(summaryOf([row({ dropped: { ring_full: 3 }, out: 4 })]), tally)
  expect(text).toMatch(/dropped +3 by receiver systemd \(ring_full\)\n/)
})

it('says where items are left when the ledger does not hold', () => {
  const summary = summaryOf([row({}), row({ kind: 'exporter', id: 'file', out: 5, held: 2 })])
  expect(unbalanced(summary.ledger).map(({ id }) => id)).toEqual(['file'])
  expect(formatSummary(summary, tally)).toMatch(/ledger +DOES NOT HOLD: exporter file still has 2 items\n/)
})
