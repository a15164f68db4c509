// What the backend does with each request, as told: rules in order, the first that fits decides, without one it is taken.

/** mulberry32, as src/testkit's seededRandom. */
export function seededRandom(seed) {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}

export class Script {
  #rules
  #random
  #count = 0
  #sinceMs = performance.now()

  constructor({ rules = [], seed = 1 } = {}) {
    this.#rules = rules
    this.#random = seededRandom(seed)
  }

  /** @returns {object} the answer: otlp-backend.ts says which there are */
  answerTo(request) {
    const index = this.#count++
    return this.#rules.find(({ when = {} }) => this.#fits(when, request, index))?.answer ?? { kind: 'ok' }
  }

  #fits({ signal, protocol, first, afterFirst, forMs, containing, probability }, request, index) {
    return (
      (signal === undefined || signal === request.signal) &&
      (protocol === undefined || protocol === request.protocol) &&
      (first === undefined || index < first) &&
      (afterFirst === undefined || index >= afterFirst) &&
      (forMs === undefined || performance.now() - this.#sinceMs < forMs) &&
      (containing === undefined || request.items.some(({ payload }) => payload.includes(containing))) &&
      (probability === undefined || this.#random() < probability)
    )
  }
}
