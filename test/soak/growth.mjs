// What a process holds, sampled over a long run, and whether it grows. To be run by `node --expose-gc --max-semi-space-size=1`, as
// `npm run soak` does: a young generation that finds its size moves RSS by tens of MiB (measured: 80 MiB in 3,000 connections of
// the hostile soak), and hides what leaks.
import { readdirSync } from 'node:fs'
import { setImmediate as turn } from 'node:timers/promises'

/** Of the samples: what is still being warmed up (code compiled, pools filled). */
const kWarmUp = 0.25
/** Pages that come and go; a leak of the smallest malloc chunk (32 bytes) per step passes it after 131,000 steps. */
const kAllowedBytes = 4 * 2 ** 20

/** @typedef {{at: number, rss: number, heap: number, fds: number, threads: number}} Sample */

const count = (folder) => readdirSync(folder).length

/** Collects garbage, so that what is only not yet collected does not count. Needs `node --expose-gc`. */
async function collect() {
  if (globalThis.gc === undefined)
    throw new TypeError('start it by "npm run soak": it needs node --expose-gc --max-semi-space-size=1')
  // Twice: what native objects own goes in a turn of its own, after they were found dead.
  for (let i = 0; i < 2; i++) {
    globalThis.gc()
    await turn()
  }
}

export class Growth {
  /** @type {Sample[]} */
  samples = []

  /** @param {number} at  how much has been done until now, in whatever the soak counts */
  async sample(at) {
    await collect()
    // The folder that is being read is one of the descriptors.
    const fds = count('/proc/self/fd') - 1
    const { rss, heapUsed, external } = process.memoryUsage()
    this.samples.push({ at, rss, heap: heapUsed + external, fds, threads: count('/proc/self/task') })
  }

  /** The samples behind the warm-up. */
  get settled() {
    return this.samples.slice(Math.floor(this.samples.length * kWarmUp))
  }

  /**
   * The straight line through the settled samples (least squares): what RSS, or what JavaScript holds, grew by along it, and how
   * far samples lie from it (standard deviation).
   *
   * @param {'rss' | 'heap'} what
   */
  line(what = 'rss') {
    const all = this.settled
    const mean = (of) => all.reduce((sum, each) => sum + of(each), 0) / all.length
    const at = mean((each) => each.at)
    const level = mean((each) => each[what])
    const spread = mean((each) => (each.at - at) ** 2)
    const slope = spread === 0 ? 0 : mean((each) => (each.at - at) * (each[what] - level)) / spread
    const noise = Math.sqrt(mean((each) => (each[what] - level - slope * (each.at - at)) ** 2))
    return { slope, grown: slope * (all.at(-1).at - all[0].at), noise }
  }

  /** What grew, in words; empty when nothing did. A run too short for memory to settle says so. */
  faults({ memory = true } = {}) {
    const faults = []
    for (const [what, name] of /** @type {const} */ (
      !memory
        ? []
        : [
            ['rss', 'RSS'],
            ['heap', 'what JavaScript holds'],
          ]
    )) {
      const { grown, noise } = this.line(what)
      if (grown > Math.max(kAllowedBytes, 3 * noise))
        faults.push(`${name} grew by ${mib(grown)} MiB, noise ${mib(noise)} MiB`)
    }
    for (const what of /** @type {const} */ (['fds', 'threads'])) {
      const [first, last] = [this.settled[0][what], this.settled.at(-1)[what]]
      if (last > first) faults.push(`${what}: ${first} at first, ${last} at the end`)
    }
    return faults
  }

  /** One line for people. */
  words(unit) {
    const [first, last] = [this.settled[0], this.settled.at(-1)]
    const memory = (what, name) => {
      const { slope, grown, noise } = this.line(what)
      const ends = `${mib(first[what])} -> ${mib(last[what])} MiB`
      return `${name} ${ends} (slope ${slope.toFixed(3)} bytes each, ${mib(grown)} MiB in all, noise ${mib(noise)} MiB)`
    }
    return (
      `over ${last.at - first.at} ${unit}: ${memory('rss', 'RSS')}, ${memory('heap', 'held by JavaScript')}, ` +
      `fds ${first.fds} -> ${last.fds}, threads ${first.threads} -> ${last.threads}`
    )
  }
}

function mib(bytes) {
  return (bytes / 2 ** 20).toFixed(2)
}
