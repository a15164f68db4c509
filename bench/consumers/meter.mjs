import { writeSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { native } from '../lib/product.mjs'
import { quantile } from '../lib/statistics.mjs'

/** More than a run has. */
const kMaxChanges = 200_000
/** Signals flow by then. */
const kBeforeStallMs = 200
const { clockPair } = await native()

/** The JavaScript twin of bench/native/consumer.h. It also says how old each change of state was when JavaScript had it. */
export class Meter {
  /** All was told: the run is over. */
  over = false
  #ages = new Float64Array(kMaxChanges)
  #changes = 0
  /** Last change of each unit. */
  #stamps = new Map()
  #figures
  #stallMs
  #start
  /** CLOCK_REALTIME, in which systemd's stamps are, where performance.now() is 0; us. Anew each time: one is slewed. */
  #originUs = 0

  /**
   * @param {() => Record<string, number>} figures counted until now; told are the differences from begin to end
   * @param {number} stallMs JavaScript stands still for so long, soon after the beginning
   */
  constructor(figures, stallMs = 0) {
    this.#stallMs = stallMs
    this.#figures = () => {
      const { user, system } = process.cpuUsage()
      return { cpuUs: user + system, ...figures() }
    }
  }

  /**
   * A unit's state, and when systemd says it changed last.
   *
   * @param {string} unit
   * @param {number} stampUs
   */
  state(unit, stampUs) {
    if (this.#stamps.get(unit) === stampUs) return
    this.#stamps.set(unit, stampUs)
    this.#ages[this.#changes++] = this.#originUs + performance.now() * 1000 - stampUs
  }

  /**
   * UnitNew, of a marker or of another unit.
   *
   * @param {string} unit
   * @param {number} readUs when its bytes were read (CLOCK_MONOTONIC)
   */
  unitNew(unit, readUs = monotonicUs()) {
    if (unit === 'bench-begin.service') this.#begin()
    if (unit === 'bench-end.service') this.#end(readUs)
  }

  #begin() {
    this.#originUs = clockOrigin()
    this.#changes = 0
    this.#start = this.#figures()
    tell('begun')
    if (this.#stallMs > 0) setTimeout(standStill, kBeforeStallMs, this.#stallMs)
  }

  #end(endUs) {
    const counted = this.#figures()
    for (const [key, value] of Object.entries(this.#start)) counted[key] -= value
    const ages = this.#ages.subarray(0, this.#changes).sort()
    const [p50Ms, p95Ms, p99Ms] = [0.5, 0.95, 0.99].map((share) => quantile(ages, share) / 1000)
    tell(JSON.stringify({ ...counted, changes: this.#changes, p50Ms, p95Ms, p99Ms, endUs }))
    this.over = true
  }
}

/** The two clocks cannot be read at once; what comes between makes the difference smaller, so the largest is the best. */
function clockOrigin() {
  const readings = Array.from({ length: 9 }, () => Number(clockPair().realtimeNs) / 1000 - performance.now() * 1000)
  return Math.max(...readings)
}

/** Blocks the thread, and uses no CPU meanwhile. */
function standStill(ms) {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}

function monotonicUs() {
  return Number(process.hrtime.bigint()) / 1000
}

/** Says a line to the harness: console.log would cost ten times as much in the middle of what is measured. */
export function tell(line) {
  writeSync(1, `${line}\n`)
}

/** Calls `once` for each line of standard input. @param {() => Promise<void>} once */
export async function serve(once) {
  for await (const _ of createInterface(process.stdin)) await once()
}

/** The same as those of bench/native/consumer.h. */
export const rules = [
  "type='signal',sender='org.freedesktop.systemd1',interface='org.freedesktop.DBus.Properties',member='PropertiesChanged',path_namespace='/org/freedesktop/systemd1/unit'",
  "type='signal',sender='org.freedesktop.systemd1',interface='org.freedesktop.systemd1.Manager',path='/org/freedesktop/systemd1'",
]
