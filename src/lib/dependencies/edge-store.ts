import type { EdgeKinds } from './edge-kinds.js'

/** Where there is no edge: edge 0 is never used. */
export const kNoEdge = 0
/** Columns grow by half: doubling would leave up to half of them empty. */
const kGrowth = 1.5

/**
 * Edges between numbered nodes in columns of typed arrays, 26 bytes each, at most one from a node to another. Each edge
 * hangs in two lists, the one of the edges that leave its node and the one of those that reach the other:
 *
 * ```
 *   node a: firstOut -> edge 7 -> edge 3 -> 0        edge 7: from a, to b, kinds
 *   node b: firstIn  -> edge 7 -> edge 9 -> 0
 * ```
 *
 * Lists are linked both ways, for a slice of 10,000 units must lose one of them without a walk along the others.
 */
export class EdgeStore {
  readonly #max: number
  #firstOut = new Uint32Array(64)
  #firstIn = new Uint32Array(64)
  #from = new Uint32Array(256)
  #to = new Uint32Array(256)
  #kinds = new Uint16Array(256)
  #nextOut = new Uint32Array(256)
  #previousOut = new Uint32Array(256)
  #nextIn = new Uint32Array(256)
  #previousIn = new Uint32Array(256)
  #used = 1
  /** Removed edges, by `nextOut`. */
  #free = kNoEdge
  #size = 0

  constructor(max: number) {
    this.#max = max
  }

  get size(): number {
    return this.#size
  }

  firstOut(node: number): number {
    return this.#firstOut[node] ?? kNoEdge
  }

  firstIn(node: number): number {
    return this.#firstIn[node] ?? kNoEdge
  }

  nextOut(edge: number): number {
    return this.#nextOut[edge]!
  }

  nextIn(edge: number): number {
    return this.#nextIn[edge]!
  }

  from(edge: number): number {
    return this.#from[edge]!
  }

  to(edge: number): number {
    return this.#to[edge]!
  }

  kinds(edge: number): EdgeKinds {
    return this.#kinds[edge]!
  }

  setKinds(edge: number, kinds: EdgeKinds): void {
    this.#kinds[edge] = kinds
  }

  /** Joins two nodes that are not joined in this direction; false when there is no room. */
  add(from: number, to: number, kinds: EdgeKinds): boolean {
    if (this.#size >= this.#max) return false
    const edge = this.#take()
    this.#reserveNodes(Math.max(from, to) + 1)
    const [out, into] = [this.#firstOut[from]!, this.#firstIn[to]!]
    this.#from[edge] = from
    this.#to[edge] = to
    this.#kinds[edge] = kinds
    this.#nextOut[edge] = out
    this.#nextIn[edge] = into
    this.#previousOut[edge] = kNoEdge
    this.#previousIn[edge] = kNoEdge
    if (out !== kNoEdge) this.#previousOut[out] = edge
    if (into !== kNoEdge) this.#previousIn[into] = edge
    this.#firstOut[from] = edge
    this.#firstIn[to] = edge
    this.#size++
    return true
  }

  remove(edge: number): void {
    const [nextOut, previousOut] = [this.#nextOut[edge]!, this.#previousOut[edge]!]
    if (previousOut === kNoEdge) this.#firstOut[this.#from[edge]!] = nextOut
    else this.#nextOut[previousOut] = nextOut
    if (nextOut !== kNoEdge) this.#previousOut[nextOut] = previousOut
    const [nextIn, previousIn] = [this.#nextIn[edge]!, this.#previousIn[edge]!]
    if (previousIn === kNoEdge) this.#firstIn[this.#to[edge]!] = nextIn
    else this.#nextIn[previousIn] = nextIn
    if (nextIn !== kNoEdge) this.#previousIn[nextIn] = previousIn
    this.#nextOut[edge] = this.#free
    this.#free = edge
    this.#size--
  }

  #take(): number {
    if (this.#free !== kNoEdge) {
      const edge = this.#free
      this.#free = this.#nextOut[edge]!
      return edge
    }
    if (this.#used === this.#from.length) this.#growEdges()
    return this.#used++
  }

  #growEdges(): void {
    const length = Math.ceil(this.#used * kGrowth)
    this.#from = grown(this.#from, length)
    this.#to = grown(this.#to, length)
    this.#nextOut = grown(this.#nextOut, length)
    this.#previousOut = grown(this.#previousOut, length)
    this.#nextIn = grown(this.#nextIn, length)
    this.#previousIn = grown(this.#previousIn, length)
    const kinds = new Uint16Array(length)
    kinds.set(this.#kinds)
    this.#kinds = kinds
  }

  #reserveNodes(nodes: number): void {
    if (nodes <= this.#firstOut.length) return
    const length = Math.ceil(nodes * kGrowth)
    this.#firstOut = grown(this.#firstOut, length)
    this.#firstIn = grown(this.#firstIn, length)
  }
}

function grown(array: Uint32Array<ArrayBuffer>, length: number): Uint32Array<ArrayBuffer> {
  const larger = new Uint32Array(length)
  larger.set(array)
  return larger
}
