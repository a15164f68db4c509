// What has arrived: for each run, how often each item came, and how many were not what their mark says.
import { hashOf } from './marks.mjs'

/** 64 Mi items of one run: more than an hour at 10,000 a second. */
const kMaxSeq = 2 ** 26
const kMaxMissingNamed = 20

export class Ledger {
  #runs = new Map()
  #unmarked = 0

  /** @param {{run?: string, seq?: number, crc?: number, payload: string}[]} items */
  take(items) {
    for (const item of items) {
      if (item.run === undefined || !(item.seq >= 0 && item.seq < kMaxSeq)) this.#unmarked++
      else this.#runOf(item.run).take(item)
    }
  }

  report() {
    return {
      runs: Object.fromEntries(Array.from(this.#runs, ([name, run]) => [name, run.report()])),
      unmarked: this.#unmarked,
    }
  }

  #runOf(name) {
    let run = this.#runs.get(name)
    if (run === undefined) {
      run = new Run()
      this.#runs.set(name, run)
    }
    return run
  }
}

/** One byte per item: how often it came, up to 255. */
class Run {
  #times = new Uint8Array(4096)
  #end = 0
  #distinct = 0
  #duplicates = 0
  #damaged = 0

  take({ run, seq, crc, payload }) {
    if (crc !== hashOf(run, seq, payload)) {
      this.#damaged++
      return
    }
    while (seq >= this.#times.length) {
      const grown = new Uint8Array(this.#times.length * 2)
      grown.set(this.#times)
      this.#times = grown
    }
    this.#end = Math.max(this.#end, seq + 1)
    if (this.#times[seq] === 0) this.#distinct++
    else this.#duplicates++
    if (this.#times[seq] < 255) this.#times[seq]++
  }

  report() {
    const missing = []
    for (let seq = 0; seq < this.#end && missing.length < kMaxMissingNamed; seq++)
      if (this.#times[seq] === 0) missing.push(seq)
    const { end, distinct, duplicates, damaged } = {
      end: this.#end,
      distinct: this.#distinct,
      duplicates: this.#duplicates,
      damaged: this.#damaged,
    }
    return { end, distinct, duplicates, damaged, missing }
  }
}
