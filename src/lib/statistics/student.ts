import { normalQuantile } from './normal.js'

/**
 * Quantile of Student's t with `degrees` of freedom: by how many measured standard deviations a value may be off, where few were
 * measured. Cornish-Fisher expansion (Abramowitz and Stegun 26.7.5): within 1 % for degrees >= 3 and p in [0.01, 0.99].
 * NaN for p outside [0, 1] and for degrees < 1; there it is only rough.
 */
export function studentQuantile(p: number, degrees: number): number {
  if (!(degrees >= 1)) return Number.NaN
  const z = normalQuantile(p)
  if (!Number.isFinite(z)) return z
  const z2 = z * z
  const first = (z2 + 1) / 4
  const second = ((5 * z2 + 16) * z2 + 3) / 96
  const third = (((3 * z2 + 19) * z2 + 17) * z2 - 15) / 384
  return z * (1 + first / degrees + second / degrees ** 2 + third / degrees ** 3)
}
