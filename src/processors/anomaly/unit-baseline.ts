import { SeriesBank, type SeriesShape } from '../../lib/anomaly/series-bank.js'
import { SeriesTogether } from '../../lib/anomaly/series-together.js'
import { SeriesWeeks } from '../../lib/anomaly/series-weeks.js'
import { FewValues, kFewBytes } from './few-values.js'
import type { Open } from './finding.js'
import { IntervalMeans } from './interval-means.js'
import { type Occasion, occasions } from './occasions.js'
import { quantities } from './quantities.js'
import { kRateHours, kRateNumbers, RestartRate } from './restart-rate.js'
import type { Suspicion } from './suspicion.js'

/** Hours of the day, of which a week has 84 samples each, and deviations that differ by a factor of 250. */
const shape: SeriesShape = { daySlots: 24, bins: 24, slotMemory: 84, isSmall: true }

// A unit's block: [ numbers of its rate of failures | series | how they go together | their weeks | occasions | failures by hour ]
const kBankAt = kRateNumbers * 8
const kTogetherAt = kBankAt + quantities.length * SeriesBank.bytes(shape)
const kWeeksAt = kTogetherAt + SeriesTogether.bytes(quantities.length, shape.bins)
const kFewAt = Math.ceil((kWeeksAt + SeriesWeeks.bytes(quantities.length)) / 8) * 8
const kCountsAt = kFewAt + occasions.length * kFewBytes
/** Of all that is learned of a unit. */
export const kBlockBytes = kCountsAt + kRateHours

/**
 * What is known of one unit. All that is learned is one block of memory, which is looked at through what is made for it when it is needed:
 * once in some minutes, while a view would take as much room as a fifth of the block all the time.
 */
export class UnitBaseline {
  readonly means = new IntervalMeans()
  readonly #block: ArrayBuffer
  /** Number of the interval whose readings are gathered; -1 before the first. */
  interval = -1
  /** Number of the first interval that says something: before, the unit was on its way up. */
  settledFrom = 0
  /** Of each quantity, what waits for more of it; undefined where nothing does. */
  suspicions: (Suspicion | undefined)[] | undefined
  hasHeldMemory = false
  run = ''
  /** What has been told of it and is not over. */
  open: Open | undefined

  /** @param saved - what `save` gave; throws where it cannot be that */
  constructor(saved?: string) {
    this.#block = saved === undefined ? new ArrayBuffer(kBlockBytes) : blockOf(saved)
    if (saved !== undefined) {
      // One number that is none would make all that come after it none, for good.
      if (
        !this.bank().isSound ||
        !this.together().isSound ||
        !this.weeks().isSound ||
        !this.restarts().isSound ||
        !occasions.every((what) => this.occasion(what).isSound)
      )
        throw new RangeError('what was learned of a unit is not what is learned')
      return
    }
    this.bank().clear()
    for (const what of occasions) this.occasion(what).clear()
    this.restarts().clear()
  }

  bank(): SeriesBank {
    return new SeriesBank(quantities.length, shape, this.#block, kBankAt)
  }

  together(): SeriesTogether {
    return new SeriesTogether(quantities.length, shape.bins, this.#block, kTogetherAt)
  }

  weeks(): SeriesWeeks {
    return new SeriesWeeks(quantities.length, this.#block, kWeeksAt)
  }

  /** Another version, or another hand on it: what it needs is learned anew, but not how days differ, and series go together. */
  relearn(): void {
    this.bank().relearn()
    this.together().relearn()
  }

  restarts(): RestartRate {
    return new RestartRate(
      new Float64Array(this.#block, 0, kRateNumbers),
      new Uint8Array(this.#block, kCountsAt, kRateHours),
    )
  }

  occasion(what: Occasion): FewValues {
    return new FewValues(this.#block, kFewAt + occasions.indexOf(what) * kFewBytes)
  }

  suspect(series: number, suspicion: Suspicion | undefined): void {
    if (suspicion === undefined && this.suspicions === undefined) return
    this.suspicions ??= quantities.map(() => undefined)
    this.suspicions[series] = suspicion
  }

  save(): string {
    return Buffer.from(this.#block).toString('base64')
  }
}

function blockOf(text: string): ArrayBuffer {
  const bytes = Buffer.from(text, 'base64')
  if (bytes.length !== kBlockBytes) throw new RangeError(`a unit has ${kBlockBytes} bytes, not ${bytes.length}`)
  const block = new ArrayBuffer(kBlockBytes)
  bytes.copy(new Uint8Array(block))
  return block
}
