/** Somebody who takes up series. */
export interface Claim {
  /** Of a unit. */
  readonly name: string
  /** Series it took the last time; 0 when it had none yet. */
  readonly series: number
}

/**
 * Which claims stay out where all together would take more than `max` series; none when all fit.
 *
 * Instances of templates go first (`sshd@3.service`: there are many, and they come and go), then the last by name. The same units
 * give the same answer, in whatever order they came; nobody loses series to a unit that ranks behind him.
 *
 * @param usual - what one takes that had none yet, where nobody had any: else it is the mean of those who had
 */
export function leftOut<T extends Claim>(claims: readonly T[], max: number, usual: number): ReadonlySet<T> {
  let known = 0
  let total = 0
  for (const { series } of claims) {
    total += series
    if (series > 0) known++
  }
  const guess = known === 0 ? usual : Math.ceil(total / known)
  total += (claims.length - known) * guess
  if (total <= max) return nobody as ReadonlySet<T>
  const ranked = [...claims].sort((a, b) => {
    const [first, second] = [a.name.includes('@'), b.name.includes('@')]
    if (first !== second) return first ? 1 : -1
    return a.name < b.name ? -1 : 1
  })
  const out = new Set<T>()
  let left = max
  for (const claim of ranked) {
    // Not even one that would still fit: else who is in would hang on who is just too large.
    const takes = claim.series === 0 ? guess : claim.series
    // The first that had none is let in all the same: a guess that is too large would never be corrected.
    const firstGuess = known === 0 && left === max && max > 0
    if (out.size > 0 || (takes > left && !firstGuess)) out.add(claim)
    else left -= takes
  }
  return out
}

const nobody: ReadonlySet<never> = new Set<never>()
