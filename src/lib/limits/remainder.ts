import type { Consumer } from '../../component/component.js'
import { type Outcome, ok } from '../../component/outcome.js'
import { type Batch, isEmpty } from '../../data/batch.js'

/**
 * What is left of a batch, and what is to be counted for the rest. `settled` is called once, when the batch has been answered for
 * good: one that is refused comes again whole, and would be counted again (decision 0060).
 */
export interface Kept {
  readonly batch: Batch
  settled(): void
}

/**
 * Hands on what a processor leaves of its batches. What is left of a refused batch is remembered with the batch: when that is offered
 * again the same object goes on, by which a fan-out knows it (decision 0061), and nothing is chosen a second time.
 */
export class Remainder {
  readonly #next: Consumer
  readonly #refused = new WeakMap<Batch, Kept>()

  constructor(next: Consumer) {
    this.#next = next
  }

  /** Whether the batch was offered before, and what was left of it was refused. */
  knows(batch: Batch): boolean {
    return this.#refused.has(batch)
  }

  /** @param choose - asked for a batch that is offered for the first time; undefined: all of it goes on */
  async consume(batch: Batch, choose: (batch: Batch) => Kept | undefined): Promise<Outcome> {
    const before = this.#refused.get(batch)
    const kept = before ?? choose(batch)
    if (kept === undefined) return this.#next.consume(batch)
    const outcome = isEmpty(kept.batch) ? ok : await this.#next.consume(kept.batch)
    if (outcome.kind === 'retryable') {
      if (before === undefined) this.#refused.set(batch, kept)
      return outcome
    }
    if (before !== undefined) this.#refused.delete(batch)
    kept.settled()
    return outcome
  }
}

/** The items that `test` holds for; the same array when it holds for all. */
export function keep<T>(items: readonly T[], test: (item: T) => boolean): readonly T[] {
  let kept: T[] | undefined
  for (let index = 0; index < items.length; index++) {
    const item = items[index]!
    if (test(item)) kept?.push(item)
    else kept ??= items.slice(0, index)
  }
  return kept ?? items
}
