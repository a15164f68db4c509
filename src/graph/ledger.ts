import type { Kind } from '../component/id.js'
import type { AccountSignal, Items, Signal } from '../data/batch.js'
import { accountSignals, Tally } from '../data/tally.js'

/**
 * Where a component's items are: `in + produced = out + sum(dropped) + held`, of each signal, at rest and with tolerance 0.
 *
 * The graph counts `in` and `out` between components. The component reports what it produced and dropped, a receiver
 * what it read (`processed`: its `in`), an exporter what it delivered (`processed`: its `out`).
 * `held` is the difference: in a queue, in a buffer, or in flight. After shutdown nothing is held but what a queue keeps on disk;
 * anything else is a bug.
 */
export interface Account {
  readonly in: number
  readonly produced: number
  readonly out: number
  /** By reason. */
  readonly dropped: Readonly<Record<string, number>>
  readonly held: number
  /** Of that, what the component's own queue says it has; 0 for those that have none. */
  readonly queued: number
}

/** The account of one component, of all signals together. */
export interface LedgerRow extends Account {
  readonly kind: Kind
  readonly id: string
  readonly pipeline?: string
  /**
   * Of each signal of which there is anything. What an earlier process left in a queue is `produced` and `queued` as of an unknown one;
   * when it is read, it is moved to its own, so that `produced` of an unknown one is what was not read yet, or was damaged.
   */
  readonly by_signal: Readonly<Partial<Record<AccountSignal, Account>>>
  /** What a receiver passed on, and what any other component took in, by signal; without what is in flight. */
  readonly signals: Readonly<Record<Signal, number>>
}

export interface Ledger {
  readonly rows: readonly LedgerRow[]
  /**
   * Items nobody was configured to take, by where they ended: `receiver systemd` when no pipeline carries their signal,
   * `pipeline metrics` when no exporter of it does. A choice of the configuration, so not a drop, but shown.
   */
  readonly unrouted: Readonly<Record<string, number>>
  /**
   * Items that pipelines were given only to make others of, by receiver: events in a pipeline of traces, metrics in one of logs
   * that looks for patterns. Nobody wants them delivered.
   */
  readonly used: Readonly<Record<string, number>>
  /** Of both, what receivers passed on, by signal. */
  readonly undelivered: Items
}

/** What a row is made of. */
export interface RowCounts {
  readonly in: Items
  readonly produced: Items
  readonly out: Items
  readonly dropped: ReadonlyMap<string, Items>
  readonly queued: Items
}

/** @param earlier - the row of one that was there before, with which this one goes on */
export function accountsOf(counts: RowCounts, earlier?: LedgerRow): Account & Pick<LedgerRow, 'by_signal'> {
  const bySignal = accountSignals.flatMap((signal) => {
    const before = earlier?.by_signal[signal]
    const dropped: Record<string, number> = { ...before?.dropped }
    for (const [reason, items] of counts.dropped) {
      const more = items[signal] ?? 0
      if (more !== 0) dropped[reason] = (dropped[reason] ?? 0) + more
    }
    const taken = (counts.in[signal] ?? 0) + (before?.in ?? 0)
    const produced = (counts.produced[signal] ?? 0) + (before?.produced ?? 0)
    const out = (counts.out[signal] ?? 0) + (before?.out ?? 0)
    const queued = counts.queued[signal] ?? 0
    const held = taken + produced - out - sumOf(dropped)
    const isEmpty = [taken, produced, out, queued, ...Object.values(dropped)].every((items) => items === 0)
    return isEmpty ? [] : [[signal, { in: taken, produced, out, dropped, held, queued }] as const]
  })
  return { ...totalOf(bySignal.map(([, account]) => account)), by_signal: Object.fromEntries(bySignal) }
}

function totalOf(accounts: readonly Account[]): Account {
  const total = { in: 0, produced: 0, out: 0, held: 0, queued: 0 }
  for (const account of accounts) for (const column of columns) total[column] += account[column]
  return { ...total, dropped: addedUp(accounts.map(({ dropped }) => dropped)) }
}
const columns = ['in', 'produced', 'out', 'held', 'queued'] as const

/** By reason, of all together. */
export function addedUp(all: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const sums: Record<string, number> = {}
  for (const counts of all)
    for (const [reason, items] of Object.entries(counts)) sums[reason] = (sums[reason] ?? 0) + items
  return sums
}

export const sumOf = (counts: Readonly<Record<string, number>>): number =>
  Object.values(counts).reduce((total, items) => total + items, 0)

/** One column of a row, by signal. */
export function columnOf({ by_signal }: LedgerRow, column: (typeof columns)[number]): Items {
  const items = new Tally()
  for (const signal of accountSignals) items[signal] = by_signal[signal]?.[column] ?? 0
  return items
}

/**
 * What nobody can account for, by component and signal: more went out than came in, or, once all has stopped, something was neither delivered, nor
 * counted as dropped, nor is it in a queue. Empty when the ledger adds up.
 */
export function unaccounted({ rows }: Ledger, stopped: boolean): Readonly<Record<string, number>> {
  const off = rows.flatMap(({ kind, id, pipeline, by_signal }) => {
    const name = `${kind} ${id}${pipeline === undefined ? '' : ` (${pipeline})`}`
    return Object.entries(by_signal).flatMap(([signal, { held, queued }]) => {
      const missing = stopped ? held - queued : Math.min(held, 0)
      return missing === 0 ? [] : [[`${name}, ${signal}`, missing] as const]
    })
  })
  return Object.fromEntries(off)
}
