import { lowerGamma, upperGamma } from './gamma.js'

/** P(X <= x) for a χ² variable with `degrees` > 0 of freedom: P(degrees/2, x/2) (Abramowitz and Stegun 26.4.19). NaN outside the range. */
export function chiSquareCdf(x: number, degrees: number): number {
  return x < 0 ? 0 : lowerGamma(0.5 * degrees, 0.5 * x)
}

/** P(X >= x): the p-value of a χ² statistic, with relative accuracy where it is small. 1 for x <= 0; NaN for bad degrees. */
export function chiSquareTail(x: number, degrees: number): number {
  return upperGamma(0.5 * degrees, Math.max(0.5 * x, 0))
}
