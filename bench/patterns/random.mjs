/** Seeded chance: mulberry32, and what stories draw from it. */
export class Chance {
  #state

  /** @param {number} seed */
  constructor(seed) {
    this.#state = seed >>> 0
  }

  /** Uniform in [0, 1). */
  next = () => {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let t = this.#state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }

  /** @param {number} from @param {number} to */
  between(from, to) {
    return from + (to - from) * this.next()
  }

  /** A whole number, both ends included. @param {number} from @param {number} to */
  whole(from, to) {
    return Math.floor(this.between(from, to + 1))
  }

  /** @param {number} mean @param {number} deviation */
  normal(mean = 0, deviation = 1) {
    const radius = Math.sqrt(-2 * Math.log(1 - this.next()))
    return mean + deviation * radius * Math.cos(2 * Math.PI * this.next())
  }

  /** Time to the next of events that come by chance. @param {number} mean */
  exponential(mean) {
    return -mean * Math.log(1 - this.next())
  }

  /** A value whose logarithm is uniform: a second is as likely as an hour. @param {number} from @param {number} to */
  scale(from, to) {
    return Math.exp(this.between(Math.log(from), Math.log(to)))
  }

  /** @template T @param {readonly T[]} of @returns {T} */
  one(of) {
    return of[Math.floor(this.next() * of.length)]
  }

  /** Events by chance in a span of time. @param {number} fromMs @param {number} toMs @param {number} meanMs @returns {number[]} */
  poisson(fromMs, toMs, meanMs) {
    const times = []
    for (let at = fromMs + this.exponential(meanMs); at < toMs; at += this.exponential(meanMs)) times.push(at)
    return times
  }

  /** 32 hex digits. */
  id() {
    let text = ''
    for (let n = 0; n < 4; n++)
      text += Math.floor(this.next() * 4_294_967_296)
        .toString(16)
        .padStart(8, '0')
    return text
  }
}
