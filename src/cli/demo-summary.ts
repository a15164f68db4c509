import type { Ledger, LedgerRow } from '../graph/ledger.js'
import type { Summary } from '../service/status-report.js'
import type { Tally } from './demo-tally.js'

/** The demo's last lines: what was seen, what was lost and why, and whether the books balance. */
export function formatSummary({ uptimeMs, ledger }: Summary, tally: Tally): string {
  const events = [...tally.events].sort((a, b) => b[1] - a[1])
  const total = events.reduce((sum, [, count]) => sum + count, 0)
  const rows: readonly (readonly [string, string])[] = [
    ['units', String(tally.units.size)],
    ['signals', tally.signals === undefined ? 'not counted' : String(tally.signals)],
    ['events', String(total)],
    ...events.map(([name, count]): [string, string] => [`  ${name}`, String(count)]),
    ['metric points', String(tally.metricPoints)],
    ['spans', String(tally.spans)],
    ['dropped', dropsOf(ledger)],
    ['ledger', ledgerLine(ledger)],
  ]
  const width = Math.max(...rows.map(([label]) => label.length))
  const lines = rows.map(([label, value]) => `  ${label.padEnd(width)}  ${value}`)
  return [`What passed in ${Math.round(uptimeMs / 1000)} s:`, ...lines, ''].join('\n')
}

/** After shutdown nothing may be left inside: then all that came in was passed on, or dropped with a reason. */
export function unbalanced({ rows }: Ledger): readonly LedgerRow[] {
  return rows.filter((row) => row.held !== 0)
}

function ledgerLine(ledger: Ledger): string {
  const wrong = unbalanced(ledger)
  if (wrong.length === 0) return 'holds: everything received was exported or dropped with a reason'
  return `DOES NOT HOLD: ${wrong.map((row) => `${row.kind} ${row.id} still has ${row.held} items`).join(', ')}`
}

function dropsOf({ rows }: Ledger): string {
  const parts = rows.flatMap(({ kind, id, dropped }) =>
    Object.entries(dropped).map(([reason, count]) => `${count} by ${kind} ${id} (${reason})`),
  )
  return parts.length === 0 ? 'none' : parts.join(', ')
}
