import { Chance } from '../patterns/random.mjs'

const kTrees = 25
const kDepth = 8
/** Points of a window: the mass of the one before is what the next is held against. */
const kWindow = 288
const kNodes = 2 ** (kDepth + 1)

/**
 * Streaming half-space trees (Tan, Ting and Liu 2011, IJCAI): boxes halved at random along random dimensions, and how many points of the window
 * before fell into each. A point's score is how little mass is where it falls. Each dimension is put into [0, 1] by the range of the first day.
 */
export class HalfSpaceTrees {
  static bytes = kTrees * kNodes * (1 + 8 + 4 + 4)
  #dimensions
  #trees
  #rows = 0
  #low
  #high
  #first = []
  #chance

  constructor(dimensions, seed = 1) {
    this.#dimensions = dimensions
    this.#low = new Float64Array(dimensions).fill(Number.POSITIVE_INFINITY)
    this.#high = new Float64Array(dimensions).fill(Number.NEGATIVE_INFINITY)
    this.#chance = new Chance(seed)
  }

  /** Large where few were. @param {Float64Array} point */
  add(point) {
    if (this.#trees === undefined) {
      this.#first.push(point)
      for (let d = 0; d < this.#dimensions; d++) {
        this.#low[d] = Math.min(this.#low[d], point[d])
        this.#high[d] = Math.max(this.#high[d], point[d])
      }
      if (this.#first.length < kWindow) return 0
      this.#trees = Array.from({ length: kTrees }, () => this.#tree())
      for (const one of this.#first) this.#pass(one)
      this.#turn()
      return 0
    }
    const mass = this.#pass(point)
    if (++this.#rows % kWindow === 0) this.#turn()
    return -Math.log2(mass / (kTrees * kWindow) + 1e-6)
  }

  #turn() {
    for (const tree of this.#trees) {
      tree.before.set(tree.now)
      tree.now.fill(0)
    }
  }

  #pass(point) {
    let mass = 0
    for (const { dimension, cut, before, now } of this.#trees) {
      let node = 1
      for (let depth = 0; ; depth++) {
        now[node]++
        // Where few are, it counts what the depth says: 2^depth (section 3.2 there).
        if (depth === kDepth || before[node] < 0.1 * kWindow) {
          mass += before[node] * 2 ** depth
          break
        }
        node = 2 * node + (point[dimension[node]] < cut[node] ? 0 : 1)
      }
    }
    return mass
  }

  #tree() {
    const dimension = new Uint8Array(kNodes)
    const cut = new Float64Array(kNodes)
    const low = new Float64Array(this.#dimensions)
    const high = new Float64Array(this.#dimensions)
    for (let d = 0; d < this.#dimensions; d++) {
      const length = Math.max(this.#high[d] - this.#low[d], 0.1)
      const at = (this.#chance.next() - 0.5) * length
      const middle = (this.#low[d] + this.#high[d]) / 2 + at
      low[d] = middle - 2 * length
      high[d] = middle + 2 * length
    }
    const split = (node, depth) => {
      if (depth === kDepth) return
      const d = Math.floor(this.#chance.next() * this.#dimensions)
      const middle = (low[d] + high[d]) / 2
      const [was, up] = [low[d], high[d]]
      dimension[node] = d
      cut[node] = middle
      high[d] = middle
      split(2 * node, depth + 1)
      high[d] = up
      low[d] = middle
      split(2 * node + 1, depth + 1)
      low[d] = was
    }
    split(1, 0)
    return { dimension, cut, before: new Float32Array(kNodes), now: new Float32Array(kNodes) }
  }
}
