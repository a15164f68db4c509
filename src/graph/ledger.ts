import type { Kind } from '../component/id.js'

/**
 * Where a component's items are: `in + produced = out + sum(dropped) + held`, at rest and with tolerance 0.
 *
 * The graph counts `in` and `out`; the component reports what it produced, dropped and, an exporter, delivered
 * (`processed`). `held` is the difference: in a queue, in a buffer, or in flight; after shutdown it is 0.
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
}

export interface Ledger {
  readonly rows: readonly LedgerRow[]
  /**
   * Items nobody was configured to take, by where they ended: `receiver systemd` when no pipeline carries their signal,
   * `pipeline metrics` when no exporter of it does. A choice of the configuration, so not a drop, but shown.
   */
  readonly unrouted: Readonly<Record<string, number>>
}
