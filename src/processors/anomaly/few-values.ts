import { kMadToSigma, madInPlace, medianInPlace } from '../../lib/statistics/robust.js'

/** Values of each sort that are remembered. */
export const kFewValues = 16
const kLeast = 8
/** Deviations, at least: of eight values at hand, the tails are anybody's guess. */
const kMostSigmas = 8
/** Half an octave, 40 %, is no deviation at all. */
const kLeastSigma = 0.25
const scratch = new Float64Array(kFewValues)

/** The last few values of what a unit does now and then, as logarithms: starts, stops, memory at the end of a run. A ring of floats. */
export class FewValues {
  readonly #ring: Float32Array

  /** NaN where nothing was yet. @param ring - of `kFewValues` */
  constructor(ring: Float32Array) {
    this.#ring = ring
  }

  /** The usual value where this one (> 0) is far from it and at least twice or half of it; it is remembered either way. */
  add(value: number): number | undefined {
    const logarithm = Math.log2(value)
    let known = 0
    for (const one of this.#ring) if (!Number.isNaN(one)) scratch[known++] = one
    this.#ring.copyWithin(1, 0)
    this.#ring[0] = logarithm
    if (known < kLeast) return undefined
    const usual = medianInPlace(scratch, known)
    const sigma = Math.max(madInPlace(scratch, usual, known) * kMadToSigma, kLeastSigma)
    const away = Math.abs(logarithm - usual)
    return away >= 1 && away >= kMostSigmas * sigma ? 2 ** usual : undefined
  }
}
