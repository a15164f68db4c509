import { SeriesBank, type SeriesShape } from '../../lib/anomaly/series-bank.js'
import type { Unit } from '../../lib/patterns/detector.js'
import { FewValues, kFewValues } from './few-values.js'
import { IntervalMeans } from './interval-means.js'
import { quantities } from './quantities.js'
import { RestartRate } from './restart-rate.js'
import type { Suspicion } from './suspicion.js'

/** Hours of the day, and deviations that differ by a factor of 2,000: 734 bytes a series, so that five and the rest are 4 KB. */
const shape: SeriesShape = { daySlots: 24, bins: 33 }

/** What a unit does now and then. */
export const occasions = ['start_duration', 'stop_duration', 'memory_at_exit'] as const
export type Occasion = (typeof occasions)[number]

/** A finding that has been told of and is not over. */
export interface Open {
  readonly unit: Unit
  readonly kind: string
  readonly sinceMs: number
  /** When it is over, if nothing of it is seen before. */
  untilMs: number
  /** Of what else has been told meanwhile. */
  readonly kinds: Set<string>
}

export type SavedUnit = readonly [bank: string, few: string, counts: string, rate: readonly number[]]

/** What is known of one unit. All that is learned is in fixed blocks of memory. */
export class UnitBaseline {
  readonly means = new IntervalMeans()
  readonly restarts = new RestartRate()
  readonly #few: Float32Array
  readonly #occasions: readonly FewValues[]
  bank: SeriesBank
  /** Number of the interval whose readings are gathered; -1 before the first. */
  interval = -1
  /** Number of the first interval that says something: before, the unit was on its way up. */
  settledFrom = 0
  /** Of each quantity, what waits for more of it. */
  readonly suspicions: (Suspicion | undefined)[] = quantities.map(() => undefined)
  hasHeldMemory = false
  run = ''
  open: Open | undefined

  constructor(saved?: SavedUnit) {
    this.bank = new SeriesBank(quantities.length, shape, saved === undefined ? undefined : blockOf(saved[0]))
    this.#few =
      saved === undefined
        ? new Float32Array(occasions.length * kFewValues).fill(Number.NaN)
        : new Float32Array(blockOf(saved[1]))
    if (this.#few.length !== occasions.length * kFewValues)
      throw new RangeError('not as many values as there are occasions')
    this.#occasions = occasions.map((_, n) => new FewValues(this.#few.subarray(n * kFewValues, (n + 1) * kFewValues)))
    if (saved !== undefined) this.restarts.restore(new Uint8Array(blockOf(saved[2])), saved[3])
  }

  /** Bytes of what is learned, and saved. */
  get bytes(): number {
    return this.bank.buffer.byteLength + this.#few.byteLength + this.restarts.bytes
  }

  /** The usual value where this one is far from it. */
  occasion(what: Occasion, value: number): number | undefined {
    return this.#occasions[occasions.indexOf(what)]!.add(value)
  }

  save(): SavedUnit {
    return [
      base64(this.bank.buffer),
      base64(this.#few.buffer),
      base64(this.restarts.counts.buffer),
      this.restarts.save(),
    ]
  }
}

function base64(block: ArrayBufferLike): string {
  return Buffer.from(block as ArrayBuffer).toString('base64')
}

function blockOf(text: string): ArrayBuffer {
  const bytes = Buffer.from(text, 'base64')
  const block = new ArrayBuffer(bytes.length)
  bytes.copy(new Uint8Array(block))
  return block
}
