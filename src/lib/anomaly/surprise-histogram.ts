// How surprising is a deviation, given those that were seen before? A histogram of their logarithms answers without units,
// scale or an assumption about the middle of the distribution; beyond the rare ones the tail is continued as a power law.
//
// One histogram is a slice of a Uint16Array:  [ origin | total | count of bin 0 | ... | count of the last bin ]

/** Words before the bins. */
export const kHistogramHead = 2

/** Width of a bin: a third of an octave, 26 %. */
const kBinsPerOctave = 3
/** What one deviation adds, so that halving leaves some of a single one for three times its memory. */
const kOne = 8
/** The total that is halved: a deviation is remembered for some 4,000 to 8,000 samples, two to four weeks of 5 minutes. */
const kFull = 0xffff - kOne
/** The share of the largest deviations from which the tail is estimated, and how many there must be at least. */
const kTailShare = 0.015
const kTailLeast = 8 * kOne
/** What the tail is taken for before much is known: excesses of a quarter of an octave, with the weight of one deviation. */
const kPriorBins = kBinsPerOctave / 4
/** Keeps the origin, which may be negative, in a Uint16; 0 is "nothing seen yet". */
const kOriginBias = 0x8000
/** Of a deviation for which not even the tail has a number. */
const kMostSurprising = 30

/**
 * -log₁₀ of the share of remembered deviations that are at least `deviation` (>= 0), before it is remembered itself: 2 for one
 * in a hundred, at most 30. 0 for the first. `bins` words after the head at `at` belong to it.
 *
 * Within what was seen the share is counted; in the largest 1.5 % the mean excess of the logarithm gives the exponent of the
 * tail (Hill 1975), shrunk to a prior.
 */
export function surpriseOf(words: Uint16Array, at: number, bins: number, deviation: number): number {
  const total = words[at + 1]!
  const place = deviation > 0 ? Math.log2(deviation) * kBinsPerOctave : Number.NEGATIVE_INFINITY
  const bin = binOf(words, at, bins, place)
  const surprise = total === 0 ? 0 : surpriseInBin(words, at, bins, place, bin)
  remember(words, at, bins, bin)
  return surprise
}

function surpriseInBin(words: Uint16Array, at: number, bins: number, place: number, bin: number): number {
  const total = words[at + 1]!
  const first = at + kHistogramHead
  const wanted = Math.max(kTailShare * total, kTailLeast)
  let above = 0
  let weighted = 0
  let below = bins - 1
  for (; below >= 0; below--) {
    const count = words[first + below]!
    if (above > 0 && above + count > wanted) break
    above += count
    weighted += count * below
  }
  if (bin <= below) {
    for (let other = below; other > bin; other--) above += words[first + other]!
    return -Math.log10(Math.min((above + words[first + bin]! / 2 + kOne) / (total + kOne), 1))
  }
  const edge = below + 1
  const excess = above > 0 ? weighted / above + 0.5 - edge : 1
  const scale = (excess * above + kOne * kPriorBins) / (above + kOne)
  const beyond = Math.max(place - origin(words, at) - edge, 0)
  const share = -Math.log10((above + kOne) / (total + kOne)) + (beyond / scale) * Math.LOG10E
  return Math.min(share, kMostSurprising)
}

/** How many deviations are remembered. */
export function rememberedIn(words: Uint16Array, at: number): number {
  return words[at + 1]! / kOne
}

/** Whether the total is that of the bins, as in all that `surpriseOf` leaves. */
export function isHistogram(words: Uint16Array, at: number, bins: number): boolean {
  let total = 0
  for (let bin = 0; bin < bins; bin++) total += words[at + kHistogramHead + bin]!
  return total === words[at + 1]
}

/** Makes room where a deviation is larger than all bins: the smallest ones share the lowest bin then. */
function binOf(words: Uint16Array, at: number, bins: number, place: number): number {
  if (place === Number.NEGATIVE_INFINITY) return 0
  // The first is put at three quarters of the height: smaller ones come more often than much larger ones.
  if (words[at] === 0) setOrigin(words, at, Math.floor(place) - Math.floor(bins * 0.75))
  const bin = Math.floor(place) - origin(words, at)
  if (bin < bins) return Math.max(bin, 0)
  shift(words, at, bins, bin - bins + 1)
  return bins - 1
}

function shift(words: Uint16Array, at: number, bins: number, by: number): void {
  const first = at + kHistogramHead
  let lowest = 0
  for (let bin = 0; bin <= Math.min(by, bins - 1); bin++) lowest += words[first + bin]!
  for (let bin = 1; bin < bins; bin++) words[first + bin] = bin + by < bins ? words[first + bin + by]! : 0
  words[first] = lowest
  setOrigin(words, at, origin(words, at) + by)
}

function remember(words: Uint16Array, at: number, bins: number, bin: number): void {
  const first = at + kHistogramHead
  words[first + bin]! += kOne
  words[at + 1]! += kOne
  if (words[at + 1]! <= kFull) return
  let total = 0
  for (let other = first; other < first + bins; other++) {
    const half = words[other]! >> 1
    words[other] = half
    total += half
  }
  words[at + 1] = total
}

function origin(words: Uint16Array, at: number): number {
  return words[at]! - kOriginBias
}

function setOrigin(words: Uint16Array, at: number, value: number): void {
  words[at] = value + kOriginBias
}
