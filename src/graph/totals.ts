import type { Kind } from '../component/id.js'
import type { AccountSignal } from '../data/batch.js'
import { accountSignals } from '../data/tally.js'
import { type Account, addedUp, type Ledger } from './ledger.js'

/** What became of the items of a signal in the whole agent. */
export interface Totals {
  /** What receivers read for pipelines that carry it. */
  readonly received: number
  /** What processors made. */
  readonly produced?: number
  /** What an earlier process left in the queues of exporters. */
  readonly restored?: number
  /** By each exporter: twice where two take it. */
  readonly exported: number
  readonly queued?: number
  /** By reason. */
  readonly dropped: Readonly<Record<string, number>>
}

/** Of each signal of which there was anything. */
export function totalsBySignal({ rows, undelivered }: Ledger): Readonly<Partial<Record<AccountSignal, Totals>>> {
  const known = accountSignals.flatMap((signal) => {
    const of = (kind?: Kind): readonly Account[] =>
      rows.filter((row) => kind === undefined || row.kind === kind).flatMap(({ by_signal }) => by_signal[signal] ?? [])
    if (of().length === 0) return []
    const made = (kind: Kind) => sum(of(kind), ({ produced }) => produced)
    const read = sum(of('receiver'), (account) => account.in + account.produced)
    const totals = totalsOf({
      received: read - (undelivered[signal] ?? 0),
      produced: made('processor'),
      restored: made('exporter'),
      exported: sum(of('exporter'), ({ out }) => out),
      queued: sum(of('exporter'), ({ queued }) => queued),
      dropped: of().map(({ dropped }) => dropped),
    })
    return [[signal, totals] as const]
  })
  return Object.fromEntries(known)
}

/** Of all signals together. */
export function sumOfTotals(all: readonly Totals[]): Totals {
  return totalsOf({
    received: sum(all, ({ received }) => received),
    produced: sum(all, ({ produced = 0 }) => produced),
    restored: sum(all, ({ restored = 0 }) => restored),
    exported: sum(all, ({ exported }) => exported),
    queued: sum(all, ({ queued = 0 }) => queued),
    dropped: all.map(({ dropped }) => dropped),
  })
}

interface Parts {
  readonly received: number
  readonly produced: number
  readonly restored: number
  readonly exported: number
  readonly queued: number
  readonly dropped: readonly Readonly<Record<string, number>>[]
}

/** What most agents have none of is left out. */
function totalsOf({ received, produced, restored, exported, queued, dropped }: Parts): Totals {
  return {
    received,
    ...(produced === 0 ? {} : { produced }),
    ...(restored === 0 ? {} : { restored }),
    exported,
    ...(queued === 0 ? {} : { queued }),
    dropped: addedUp(dropped),
  }
}

function sum<T>(all: readonly T[], of: (one: T) => number): number {
  return all.reduce((total, one) => total + of(one), 0)
}
