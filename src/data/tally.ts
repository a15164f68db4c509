import { type AccountSignal, type Items, signals } from './batch.js'

export const accountSignals: readonly AccountSignal[] = [...signals, 'unknown']

/** Adds up items by signal: plain fields, since each batch is counted at each border it crosses. */
export class Tally {
  logs = 0
  metrics = 0
  traces = 0
  unknown = 0

  static of(items: Items): Tally {
    return new Tally().add(items)
  }

  add({ logs = 0, metrics = 0, traces = 0, unknown = 0 }: Items): this {
    this.logs += logs
    this.metrics += metrics
    this.traces += traces
    this.unknown += unknown
    return this
  }

  subtract({ logs = 0, metrics = 0, traces = 0, unknown = 0 }: Items): this {
    this.logs -= logs
    this.metrics -= metrics
    this.traces -= traces
    this.unknown -= unknown
    return this
  }

  get total(): number {
    return this.logs + this.metrics + this.traces + this.unknown
  }
}

export const totalOf = (items: Items): number => Tally.of(items).total

/** What of the one is not in the other: of a batch, what was left out. */
export const without = (items: Items, others: Items): Items => Tally.of(items).subtract(others)
