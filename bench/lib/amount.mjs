/**
 * How much a run does: the whole, what `--quick` takes of it, and what `--once` takes, which is to show within a second or two
 * that a case works and that its gates are judged. What is left out is that of the next larger run.
 *
 * @template T
 * @param {import('./case.d.mts').RunOptions} options
 * @param {{whole: T, quick?: T, once?: T}} amounts
 * @returns {T}
 */
export function amount({ quick, once }, { whole, quick: some = whole, once: least = some }) {
  return once ? least : quick ? some : whole
}
