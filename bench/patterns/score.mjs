/** 95 %, both sides. */
const kZ = 1.959964

/**
 * Wilson's interval for a share (Wilson 1927; Brown, Cai, DasGupta 2001, section 3.1.1).
 *
 * @param {number} hits @param {number} of
 * @returns {readonly [number, number]}
 */
export function wilson(hits, of) {
  if (of === 0) return [0, 1]
  const share = hits / of
  const z2 = kZ * kZ
  const middle = (share + z2 / (2 * of)) / (1 + z2 / of)
  const half = (kZ / (1 + z2 / of)) * Math.sqrt((share * (1 - share)) / of + z2 / (4 * of * of))
  return [Math.max(0, middle - half), Math.min(1, middle + half)]
}

/**
 * Interval for a rate of events that come by chance, by the normal approximation of the square root (Anscombe 1948).
 *
 * @param {number} count @param {number} exposure
 * @returns {readonly [number, number]}
 */
export function rateInterval(count, exposure) {
  const low = Math.max(0, Math.sqrt(count) - kZ / 2)
  const high = Math.sqrt(count + 1) + kZ / 2
  return [(low * low) / exposure, (high * high) / exposure]
}

/**
 * Holds what was found in one scenario against what should have been. Each expectation is met by the first detection that fits;
 * more of the same are neither right nor wrong; every other detection is false.
 *
 * @param {readonly import('./kind.d.mts').Found[]} found
 * @param {readonly import('./kind.d.mts').Expected[]} expected
 */
export function judgeScenario(found, expected) {
  const delaysMs = []
  const missed = []
  const right = new Set()
  for (const wanted of expected) {
    const fitting = found.filter((one) => fits(one, wanted))
    for (const one of fitting) right.add(one)
    if (fitting.length === 0) missed.push(wanted)
    else delaysMs.push(fitting[0].atMs - wanted.fromMs)
  }
  return { delaysMs, missed, wrong: found.filter((one) => !right.has(one)) }
}

/** Times go through whole microseconds on their way. */
const kRoundedMs = 0.01

/** Whether it comes, and within the interval. */
const holds = (dueMs, earliestMs, latestMs) => earliestMs <= dueMs && dueMs <= latestMs

function fits({ unit, kind, atMs, earliestMs, latestMs }, wanted) {
  return (
    (wanted.dueMs === undefined ||
      holds(
        wanted.dueMs.find((ms) => ms > atMs + kRoundedMs),
        earliestMs,
        latestMs,
      )) &&
    unit === wanted.unit &&
    (wanted.kinds === undefined || wanted.kinds.includes(kind)) &&
    atMs >= wanted.fromMs - kRoundedMs &&
    atMs <= wanted.untilMs
  )
}

/** Sums over scenarios. */
export class Score {
  hits = 0
  missed = 0
  wrong = 0
  scenarios = 0
  positives = 0
  unitMs = 0
  delaysMs = []
  /** By family, for whoever looks into it. */
  families = new Map()

  /** @param {string} family @param {ReturnType<typeof judgeScenario>} verdict @param {number} expected @param {number} unitMs */
  add(family, verdict, expected, unitMs) {
    const sum = this.families.get(family) ?? { scenarios: 0, hits: 0, missed: 0, wrong: 0, seeds: [] }
    this.families.set(family, sum)
    for (const to of [this, sum]) {
      to.scenarios++
      to.hits += verdict.delaysMs.length
      to.missed += verdict.missed.length
      to.wrong += verdict.wrong.length
    }
    if (expected > 0) this.positives++
    this.unitMs += unitMs
    this.delaysMs.push(...verdict.delaysMs)
  }

  get figures() {
    const found = this.hits + this.wrong
    const wanted = this.hits + this.missed
    const weeks = this.unitMs / (7 * 86_400_000)
    const sorted = [...this.delaysMs].sort((a, b) => a - b)
    const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] / 1000
    return {
      precision: found === 0 ? 1 : this.hits / found,
      precisionLow: wilson(this.hits, found)[0],
      recall: wanted === 0 ? 1 : this.hits / wanted,
      recallLow: wilson(this.hits, wanted)[0],
      ...(sorted.length === 0 ? {} : { delay: at(0.5), delayP95: at(0.95) }),
      falseAlarms: this.wrong / weeks,
      falseAlarmsHigh: rateInterval(this.wrong, weeks)[1],
      positives: this.positives,
      negatives: this.scenarios - this.positives,
    }
  }
}
