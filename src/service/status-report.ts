import type { Kind } from '../component/id.js'
import { type Signal, signals } from '../data/batch.js'
import type { ComponentStatus } from '../graph/graph.js'
import { type Ledger, type LedgerRow, unaccounted } from '../graph/ledger.js'
import { type Totals, totalsBySignal } from '../graph/totals.js'
import type { ComponentCounters } from '../telemetry/component-counters.js'
import { safely } from '../telemetry/readings.js'
import { type ConcernReport, concernsOf } from './concern-report.js'

/** What the agent did, for the last line and for status pages. */
export interface Summary {
  /** Until the shutdown began, once it has. */
  readonly uptimeMs: number
  readonly components: readonly ComponentStatus[]
  readonly ledger: Ledger
}

/** What a running agent says of itself, as JSON on its status socket. Only ever extended: an older `unitscope status` must read it. */
export interface StatusReport {
  readonly version: string
  readonly pid: number
  readonly uptime_s: number
  /** No component is degraded or failed, and the ledger adds up. One that this machine cannot serve does not count. */
  readonly healthy: boolean
  readonly components: readonly ComponentReport[]
  /** What is the case on this machine, by what the components know: at most 256 of each, the worst first. An older agent does not tell. */
  readonly concerns?: readonly ConcernReport[]
  readonly concerns_omitted?: number
  readonly ledger: LedgerReport
}

export interface ComponentReport {
  readonly kind: Kind
  readonly id: string
  readonly pipeline?: string
  readonly state: string
  readonly reason?: string
  /** Its gauges: `queue_items`, `breaker_state` (0 closed, 1 half-open, 2 open), ... */
  readonly gauges: Readonly<Record<string, number>>
  /** Since the start, by reason. */
  readonly errors: Readonly<Record<string, number>>
}

export interface LedgerReport {
  readonly rows: readonly LedgerRow[]
  readonly unrouted: Readonly<Record<string, number>>
  readonly used: Readonly<Record<string, number>>
  /** What receivers passed on, and what exporters took in: twice where two take it; and what became of it. */
  readonly signals: Readonly<Record<Signal, SignalReport> & Partial<Record<'unknown', SignalReport>>>
  /** By component and signal; empty while the ledger adds up. */
  readonly unaccounted: Readonly<Record<string, number>>
}

export interface SignalReport extends Totals {
  readonly to_exporters: number
}

type CountersOf = (id: Summary['components'][number]['id'], pipeline: string | undefined) => ComponentCounters

export function statusReport(summary: Summary, version: string, pid: number, countersOf: CountersOf): StatusReport {
  const { ledger, uptimeMs } = summary
  const components = summary.components.map(({ id, pipeline, status }): ComponentReport => {
    const { gauges, errorsByReason } = countersOf(id, pipeline)
    return {
      kind: id.kind,
      id: id.id,
      ...(pipeline === undefined ? {} : { pipeline }),
      state: status.state,
      ...('reason' in status ? { reason: status.reason } : {}),
      gauges: Object.fromEntries(
        gauges.flatMap(({ name, read }) => {
          const value = safely(read)
          return value === undefined ? [] : [[name, value]]
        }),
      ),
      errors: Object.fromEntries(errorsByReason),
    }
  })
  const concerns = summary.components.map(({ id, pipeline }) => concernsOf(id, pipeline, countersOf(id, pipeline)))
  const missing = unaccounted(ledger, false)
  const isSick = components.some(({ state }) => state === 'degraded' || state === 'failed')
  return {
    version,
    pid,
    uptime_s: Math.round(uptimeMs / 1000),
    healthy: !isSick && Object.keys(missing).length === 0,
    components,
    concerns: concerns.flatMap(({ told }) => told),
    concerns_omitted: concerns.reduce((sum, { omitted }) => sum + omitted, 0),
    ledger: { ...ledger, signals: bySignal(ledger), unaccounted: missing },
  }
}

function bySignal(ledger: Ledger): LedgerReport['signals'] {
  const totals = totalsBySignal(ledger)
  const sum = (kind: Kind, signal: Signal) =>
    ledger.rows.filter((row) => row.kind === kind).reduce((total, row) => total + row.signals[signal], 0)
  const none = { exported: 0, dropped: {} }
  const of = (signal: Signal): SignalReport => ({
    ...(totals[signal] ?? none),
    received: sum('receiver', signal),
    to_exporters: sum('exporter', signal),
  })
  const known = Object.fromEntries(signals.map((signal) => [signal, of(signal)])) as Record<Signal, SignalReport>
  return totals.unknown === undefined ? known : { ...known, unknown: { ...totals.unknown, to_exporters: 0 } }
}
