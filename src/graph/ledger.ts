import type { Kind } from '../component/id.js'
import type { Signal } from '../data/batch.js'

/**
 * Where a component's items are: `in + produced = out + sum(dropped) + held`, at rest and with tolerance 0.
 *
 * The graph counts `in` and `out` between components. The component reports what it produced and dropped, a receiver
 * what it read (`processed`: its `in`), an exporter what it delivered (`processed`: its `out`).
 * `held` is the difference: in a queue, in a buffer, or in flight. After shutdown nothing is held but what a queue keeps on disk;
 * anything else is a bug.
 */
export interface LedgerRow {
  readonly kind: Kind
  readonly id: string
  readonly pipeline?: string
  readonly in: number
  readonly produced: number
  readonly out: number
  /** By reason. */
  readonly dropped: Readonly<Record<string, number>>
  readonly held: number
  /** Of that, what the component's own queue says it has; 0 for those that have none. */
  readonly queued: number
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
}

/**
 * What nobody can account for, by component: more went out than came in, or, once all has stopped, something was neither delivered, nor
 * counted as dropped, nor is it in a queue. Empty when the ledger adds up.
 */
export function unaccounted({ rows }: Ledger, stopped: boolean): Readonly<Record<string, number>> {
  const off = rows.flatMap(({ kind, id, pipeline, held, queued }) => {
    const missing = stopped ? held - queued : Math.min(held, 0)
    return missing === 0 ? [] : [[`${kind} ${id}${pipeline === undefined ? '' : ` (${pipeline})`}`, missing] as const]
  })
  return Object.fromEntries(off)
}
