/** Longer words are nobody's typing error, and the cost grows with the square of the length. */
const kMaxWordLength = 64
/** Fewer letters begin too many words. */
const kMinAbbreviation = 3

/**
 * The candidate a person most likely meant: the same but for case and `-`/`_`/`.`, or few edits away (at most a third
 * of the word's length, so a word of two letters must be the same). Ties go to the first.
 *
 * @param furthest - edits, where a third is too many: names of units are not as far apart as keys are
 */
export function didYouMean(
  word: string,
  candidates: Iterable<string>,
  furthest: number = Math.floor(word.length / 3),
): string | undefined {
  if (word.length === 0 || word.length > kMaxWordLength) return undefined
  const bare = fold(word)
  let best: string | undefined
  let bestEdits = furthest + 1
  for (const candidate of candidates) {
    if (candidate.length > kMaxWordLength) continue
    const edits = distance(bare, fold(candidate), furthest)
    if (edits < bestEdits) {
      best = candidate
      bestEdits = edits
    }
  }
  return best
}

/** `: did you mean "x"?`, or nothing: to be put at the end of a reason. */
export function hint(word: string, candidates: Iterable<string>): string {
  const meant = didYouMean(word, candidates)
  return meant === undefined ? '' : `: did you mean "${meant}"?`
}

/** A word and its abbreviation (`warning`, `warn`) are as far apart as may be and still be meant. */
function distance(word: string, candidate: string, furthest: number): number {
  const edits = editDistance(word, candidate)
  const [short, long] = word.length < candidate.length ? [word, candidate] : [candidate, word]
  return short.length >= kMinAbbreviation && long.startsWith(short) ? Math.min(edits, furthest) : edits
}

function fold(word: string): string {
  return word.toLowerCase().replace(/[-_.\s]/g, '')
}

/** Insertions, deletions, substitutions and swaps of neighbours (Damerau-Levenshtein, optimal string alignment). */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      row[j] = Math.min(row[j - 1]! + 1, last[j]! + 1, last[j - 1]! + (same ? 0 : 1))
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        row[j] = Math.min(row[j]!, beforeLast[j - 2]! + 1)
    }
    beforeLast = last
    last = row
  }
  return last[b.length]!
}
