/** A figure of a case: a column of its table. */
export interface Figure {
  /** As the column is headed, unit included: `CPU us per signal`. */
  readonly title: string
  /** Whether the table also says how many times the first way's figure each one is. Exactly one figure of a case should. */
  readonly ratio?: boolean
}

/** What one run of one way gave. A figure that this way does not have is left out. */
export type Figures = Readonly<Record<string, number>>

export interface RunOptions {
  /** A short look while developing: less work in a run, figures that are not kept. */
  readonly quick: boolean
  /** The least work in which everything happens that a figure or a gate is made of; `quick` as well. See `lib/amount.mjs`. */
  readonly once?: boolean
}

/** Settings under which all ways are measured: a block of rows. `name` is unique within the case. */
export interface Point {
  readonly name: string
}

/** One way to the same end. The first of a case is the product's. */
export interface Way<Context, P extends Point> {
  readonly name: string
  /** Why this way cannot be measured here or at this point; undefined when it can. */
  skip?(point: P): string | undefined
  /**
   * One run. Checks for itself that the work was done (each counts what it got), and throws when it was not: a figure of
   * work that was not done is worse than none.
   */
  run(context: Context, options: RunOptions): Promise<Figures> | Figures
}

/**
 * A limit for the median of a figure, or with `over` for the median divided by another way's. Without a `point` it is that
 * of the case's only one.
 */
export interface Gate {
  readonly figure: string
  readonly way: string
  readonly over?: string
  readonly point?: string
  /** The floor: past it, `--check` fails. */
  readonly atMost?: number
  readonly atLeast?: number
  /** Better than the floor: what was aimed at. */
  readonly aim?: number
}

export interface Case<Context = unknown, P extends Point = Point> {
  /** The file's name without its ending. */
  readonly id: string
  /** What the figures answer, as a question. */
  readonly question: string
  /** Sentences for the page, below the table: what was measured how, and what to make of it. No figures. */
  readonly notes?: string
  /** How long it takes, where that is too long for a run of all cases: it runs only when it is named. */
  readonly takes?: string
  /** What else the machine does does not move its figures (bytes held, items lost): a run is never marked as noisy. */
  readonly unmoved?: boolean
  /** Why it cannot run on this machine; undefined when it can. */
  unavailable?(): string | undefined
  readonly figures: Readonly<Record<string, Figure>>
  /** Left out: one point without a name. */
  readonly points?: readonly P[]
  /** Measured rounds; 5 when left out (2 with `--quick`). */
  readonly rounds?: number
  /** Rounds before them that are not kept; 1 when left out. */
  readonly warmUps?: number
  readonly ways: readonly Way<Context, P>[]
  readonly gates: readonly Gate[]
  /** Once per point, before its rounds. */
  setUp?(point: P, options: RunOptions): Promise<Context>
  /** After them, whatever happened. */
  tearDown?(context: Context): Promise<void>
}

export interface Spread {
  readonly median: number
  readonly min: number
  readonly max: number
}

/** A line of a table: one way at one point. */
export interface Row {
  readonly point: string
  readonly way: string
  readonly skipped?: string
  readonly figures: Readonly<Record<string, Spread>>
}

/** `aim` and `met` pass, `missed` does not; `not measured` where a way was skipped. */
export type Outcome = 'aim' | 'met' | 'missed' | 'not measured'

export interface Verdict extends Gate {
  readonly value?: number
  readonly outcome: Outcome
}

/** A run of a case: one line of bench/history/<id>.jsonl. */
export interface Entry {
  readonly id: string
  readonly date: string
  readonly commit: string
  /** Whether files differed from the commit. */
  readonly dirty: boolean
  readonly command: string
  readonly machine: { readonly cpus: number; readonly model: string; readonly kernel: string; readonly os: string }
  readonly versions: Readonly<Record<string, string>>
  readonly rounds: number
  readonly seconds: number
  /** Shares of all CPUs during the case, %: taken by the hypervisor, and used by processes that are none of the benchmark's. */
  readonly stealPercent: number
  readonly otherCpuPercent: number
  /** Others took more than they may: the figures are not to be relied on. */
  readonly noisy: boolean
  readonly rows: readonly Row[]
  readonly verdicts: readonly Verdict[]
}
