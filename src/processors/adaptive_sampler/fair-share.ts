/**
 * The most that one may have so that all together get `total`, and nobody gets less for what others do not need (max-min fairness):
 * the level to which water would rise in vessels of these sizes.
 *
 *     demands 1, 2, 9, 30, total 20  ->  8.5   (1 + 2 + 8.5 + 8.5)
 *
 * @param demands - none negative; sorted here
 * @returns Infinity where all demands together are met
 */
export function fairShare(demands: number[], total: number): number {
  demands.sort((a, b) => a - b)
  let left = total
  for (const [at, demand] of demands.entries()) {
    const share = left / (demands.length - at)
    if (demand > share) return share
    left -= demand
  }
  return Number.POSITIVE_INFINITY
}
