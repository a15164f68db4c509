import type { Machine } from './machine.mjs'

/** What must be found in a scenario, and when: a detection of `unit` of one of `kinds` in [fromMs, untilMs]. */
export interface Expected {
  readonly unit: string
  /** Values of `pattern.kind` that are right; any when left out. */
  readonly kinds?: readonly string[]
  /** When enough has happened for somebody who knows the truth: delays count from here. A detection before it is false. */
  readonly fromMs: number
  /** After this it is of no use any more. */
  readonly untilMs: number
  /** When that happens which is foretold, each time: what is right has the next time within its interval. */
  readonly dueMs?: readonly number[]
}

/** A family of scenarios: each seed makes another one. */
export interface Family {
  /** What happens, in words: `dies at once, ten times`. */
  readonly name: string
  /** Writes the story of one machine into `machine`, and returns what is to be found; nothing for a hard negative. */
  make(machine: Machine): Expected | readonly Expected[] | undefined
}

/** A detection as the frame sees it. */
export interface Found {
  readonly unit: string
  readonly kind: string
  readonly atMs: number
  /** Interval of what is foretold. */
  readonly earliestMs?: number
  readonly latestMs?: number
}

/** All scenarios of one pattern. */
export interface Kind {
  /** The processor's type and the file's name. */
  readonly id: string
  /** As in YAML. */
  readonly config?: Readonly<Record<string, unknown>>
  /** Event whose arrival is a detection; `pattern.<id>.detected` when left out. */
  readonly event?: string
  /** Processors that stand before it, by type, with their defaults. */
  readonly before?: readonly string[]
  readonly families: readonly Family[]
  /** Stories begin on each day of the week by turns; on a Tuesday when left out. */
  readonly startsOnAnyDay?: boolean
  /** How many scenarios of each family; 25 when left out. */
  readonly perFamily?: number
  /** Limits that the issue of detectors crying wolf is measured by. */
  readonly bars: { readonly precision: number; readonly recall: number }
  /** The rule that people write by hand today, as a baseline: what it would find in the same story. */
  readonly baseline?: { readonly name: string; find(machine: Machine): readonly Found[] }
}
