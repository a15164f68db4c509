import { Chance } from '../patterns/random.mjs'

const kTrees = 30
/** Points of a tree: the newest. */
const kPoints = 512
/** Values of a point of a single series: its newest. */
const kShingle = 8

/**
 * A robust random cut forest (Guha et al. 2016, ICML): trees of the newest points, cut at random along their longer sides. A
 * point's score is how many points would move up if it and its neighbours were taken out, at most, against their own number
 * (the collusive displacement), on average over the trees.
 */
export class RandomCutForest {
  static bytesOf = (dimensions) => kTrees * (2 * kPoints * (4 * 3 + 8 * 2 * dimensions + 8) + kPoints * 8 * dimensions)
  static bytes = RandomCutForest.bytesOf(kShingle)
  #shingle = []
  #trees
  #row = 0

  constructor(seed = 1, trees = kTrees) {
    const chance = new Chance(seed)
    this.#trees = Array.from({ length: trees }, () => new Tree(chance))
  }

  /** @param {number} value */
  update(value) {
    this.#shingle.push(value)
    if (this.#shingle.length < kShingle) return 0
    const point = Float64Array.from(this.#shingle)
    this.#shingle.shift()
    return this.add(point)
  }

  /** All of a vector at once. @param {Float64Array} point */
  add(point) {
    let sum = 0
    for (const tree of this.#trees) sum += tree.add(point, this.#row)
    this.#row++
    return sum / this.#trees.length
  }
}

class Tree {
  #chance
  #root
  #leaves = []

  constructor(chance) {
    this.#chance = chance
  }

  /** The displacement of the point, which takes the place of the oldest. */
  add(point, row) {
    const place = row % kPoints
    if (this.#leaves[place] !== undefined) this.#remove(this.#leaves[place])
    const leaf = this.#insert(point)
    this.#leaves[place] = leaf
    let most = 0
    for (let node = leaf; node.parent !== undefined; node = node.parent) {
      const { left, right } = node.parent
      const sibling = left === node ? right : left
      most = Math.max(most, sibling.count / node.count)
    }
    return most
  }

  #insert(point) {
    const leaf = { count: 1, low: point, high: point }
    let node = this.#root
    if (node === undefined) {
      this.#root = leaf
      return leaf
    }
    for (;;) {
      if (node.left === undefined && node.low.every((value, d) => value === point[d])) {
        // Equal points cannot be cut: they share a leaf.
        node.count++
        encloseAll(node.parent)
        return node
      }
      const { dimension, cut } = this.#cut(node, point)
      if (cut < node.low[dimension] || cut >= node.high[dimension]) {
        this.#hang(leaf, node, dimension, cut, point[dimension] <= cut)
        encloseAll(leaf.parent)
        return leaf
      }
      node = point[node.dimension] <= node.cut ? node.left : node.right
    }
  }

  /** A cut of the box around node and point, its side chosen by length. */
  #cut(node, point) {
    let span = 0
    for (let d = 0; d < point.length; d++) span += Math.max(node.high[d], point[d]) - Math.min(node.low[d], point[d])
    let left = span * this.#chance.next()
    for (let d = 0; d < point.length; d++) {
      const low = Math.min(node.low[d], point[d])
      const length = Math.max(node.high[d], point[d]) - low
      if (left < length) return { dimension: d, cut: low + left }
      left -= length
    }
    return { dimension: 0, cut: Math.min(node.low[0], point[0]) }
  }

  #hang(leaf, node, dimension, cut, before) {
    const { parent } = node
    const between = { count: 0, dimension, cut, parent, left: before ? leaf : node, right: before ? node : leaf }
    if (parent === undefined) this.#root = between
    else if (parent.left === node) parent.left = between
    else parent.right = between
    node.parent = between
    leaf.parent = between
    between.low = new Float64Array(leaf.low.length)
    between.high = new Float64Array(leaf.low.length)
  }

  #remove(leaf) {
    const { parent } = leaf
    if (leaf.count > 1) {
      leaf.count--
      encloseAll(parent)
      return
    }
    if (parent === undefined) {
      this.#root = undefined
      return
    }
    const sibling = parent.left === leaf ? parent.right : parent.left
    const above = parent.parent
    sibling.parent = above
    if (above === undefined) this.#root = sibling
    else if (above.left === parent) above.left = sibling
    else above.right = sibling
    encloseAll(above)
  }
}

function encloseAll(from) {
  for (let node = from; node !== undefined; node = node.parent) enclose(node)
}

function enclose(node) {
  const { left, right } = node
  node.count = left.count + right.count
  for (let d = 0; d < node.low.length; d++) {
    node.low[d] = Math.min(left.low[d], right.low[d])
    node.high[d] = Math.max(left.high[d], right.high[d])
  }
}
