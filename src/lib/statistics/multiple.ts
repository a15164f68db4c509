// Many tests find something by chance: p-values corrected for how many were made.

/** P(smallest of `tests` independent p-values <= p): 1 - (1 - p)^tests, exact also where p is tiny (Šidák 1967). `tests` >= 0, need not be whole. */
export function sidak(p: number, tests: number): number {
  return -Math.expm1(tests * Math.log1p(-p))
}

/** The p that a single test may have so that `tests` independent ones together find something by chance at rate `level`. */
export function sidakLevel(level: number, tests: number): number {
  return -Math.expm1(Math.log1p(-level) / tests)
}

/** min(1, p · tests): holds for tests that depend on each other in any way (Bonferroni 1936; Dunn 1961). */
export function bonferroni(p: number, tests: number): number {
  return Math.min(1, p * tests)
}

/**
 * p-values adjusted so that of those below q at most the share q is expected to be false (Benjamini and Hochberg 1995):
 * min over j >= rank of p₍ⱼ₎ n / j. For independent or positively dependent tests. In the order of `p`; none for none; a NaN
 * counts as 1.
 */
export function benjaminiHochberg(p: readonly number[]): readonly number[] {
  const n = p.length
  const known = p.map((value) => (Number.isNaN(value) ? 1 : value))
  const order = known.map((_, index) => index).sort((a, b) => known[b]! - known[a]! || a - b)
  const adjusted = new Array<number>(n)
  let least = 1
  order.forEach((index, fromTop) => {
    least = Math.min(least, (known[index]! * n) / (n - fromTop))
    adjusted[index] = least
  })
  return adjusted
}
