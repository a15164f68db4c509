import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { amount } from '../lib/amount.mjs'
import { kStartMs, loadParts, minute, second } from '../patterns/machine.mjs'
import { Chance } from '../patterns/random.mjs'
import { chainOf, Replayer, StoryClock } from '../patterns/replay.mjs'
import { loadKinds } from '../patterns/run-kind.mjs'

const kUnits = 1000
const kEventsPerSecond = 1000
const kCollectionMs = 10 * second
/** So many readings are told before anything is measured: two hours, in which every window has closed and baselines are learned. */
const warmUpReadings = { whole: 720, quick: 60, once: 2 }
const measuredMs = { whole: minute, once: second }
/** As they come out of the agent: what was read in some milliseconds, and a slice of the readings of all cgroups. */
const kEventsPerBatch = 10
const kUnitsPerBatch = 50
/** Units that crash all the time: one in three events each fails, is restarting, is restarted. */
const kCrashing = 300

/** Every detector that has stories. */
const all = (await loadKinds()).map(({ id }) => id)

/** Makes what the receivers would send, outside of what is measured. */
class Source {
  #parts
  #chance = new Chance(1)
  #subjects
  #fields
  #memory

  constructor(parts) {
    this.#parts = parts
    this.pool = new parts.ResourcePool({ 'host.name': 'bench' })
    this.#fields = new Map(parts.cgroupFields.map((name, at) => [name, at]))
    this.#memory = Array.from({ length: kUnits }, () => this.#chance.between(5e6, 5e8))
    this.#subjects = Array.from({ length: kUnits }, (_, n) => this.#subject(n))
  }

  #subject(n) {
    const traceId = this.#chance.id()
    return {
      path: '/',
      cgroupId: n,
      resource: this.#parts.unitResource(this.pool, `unit-${n}.service`),
      since: { startNs: BigInt(kStartMs) * 1_000_000n },
      run: { traceId, spanId: traceId.slice(16) },
    }
  }

  /** Batches of one reading of all cgroups. @param {number} atMs */
  reading(atMs) {
    const nowNs = BigInt(kStartMs + atMs) * 1_000_000n
    const batches = []
    for (let first = 0; first < kUnits; first += kUnitsPerBatch) {
      const metrics = []
      for (let n = first; n < first + kUnitsPerBatch; n++) {
        const words = this.#numbers(n, atMs)
        this.#parts.sampleMetrics(metrics, { words, at: 0, devicesAt: words.length }, this.#subjects[n], nowNs)
      }
      batches.push({ events: [], metrics, spans: [] })
    }
    return batches
  }

  #numbers(n, atMs) {
    const words = new Float64Array(this.#fields.size).fill(Number.NaN)
    const set = (name, value) => {
      words[this.#fields.get(name)] = value
    }
    this.#memory[n] *= 1 + this.#chance.normal(0, 0.01)
    const memory = Math.round(this.#memory[n])
    const work = (n + 1) * (atMs / second) * 1000
    set('cpuUserUsec', Math.round(work * (0.9 + 0.1 * this.#chance.next())))
    set('cpuSystemUsec', Math.round(work / 3))
    set('memoryCurrent', memory)
    set('memoryPeak', Math.round(memory * 1.2))
    set('memoryMax', 2 ** 30)
    set('memorySwapCurrent', 0)
    for (const [name, share] of [
      ['anon', 0.6],
      ['file', 0.2],
      ['kernel', 0.1],
      ['shmem', 0],
      ['slab_reclaimable', 0.05],
    ])
      set(`memoryStat.${name}`, Math.round(memory * share))
    set('pidsCurrent', this.#chance.whole(3, 12))
    set('pidsMax', 4915)
    for (const name of ['cpu', 'memory', 'io'])
      for (const who of ['some', 'full']) {
        set(`${name}Pressure.${who}Total`, Math.round(work / 100))
        set(`${name}Pressure.${who}Avg10`, this.#chance.whole(0, 50))
      }
    return words
  }

  /** Batches of a second's events. @param {number} atMs */
  *second(atMs) {
    const { attr, event, Severity } = this.#parts
    const kinds = [event.failed, event.restarting, event.restarted, event.jobFinished]
    let events = []
    for (let n = 0; n < kEventsPerSecond; n++) {
      const subject = this.#subjects[n % kCrashing]
      const name =
        kinds[((Math.floor((atMs / second) * kEventsPerSecond + n) % (kinds.length * kCrashing)) / kCrashing) | 0]
      const invocationId = this.#chance.id()
      const timeUnixNano = BigInt(Math.round((kStartMs + atMs + n) * 1000)) * 1000n
      events.push({
        timeUnixNano,
        observedTimeUnixNano: timeUnixNano,
        name,
        severity: Severity.error,
        body: 'a service did something',
        attributes: {
          [attr.unit]: subject.resource.attributes[attr.unit],
          [attr.activeState]: 'failed',
          [attr.result]: 'exit-code',
          [attr.exitCode]: 3,
          [attr.invocationId]: invocationId,
          [attr.restartCause]: 'auto',
          [attr.verdict]: 'will_restart',
        },
        traceId: invocationId,
        resource: subject.resource,
      })
      if (events.length < kEventsPerBatch) continue
      yield { atMs: atMs + n, batch: { events, metrics: [], spans: [] } }
      events = []
    }
  }
}

function heapBytes() {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc')
  collect()
  collect()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

/** A chain of processors that has seen two hours of a machine, and goes on from there. */
class Watched {
  #source
  #clock = new StoryClock(kStartMs)
  #atMs = 0

  static async start(parts, replayer, types, readings) {
    // Compiled code and what a first use makes is no unit's: it is there before memory is read.
    await new Watched(parts).#watch(replayer, types, Math.min(readings, 2))
    const watched = new Watched(parts)
    const before = heapBytes()
    await watched.#watch(replayer, types, readings)
    watched.bytesPerUnit = (heapBytes() - before) / kUnits
    return watched
  }

  constructor(parts) {
    this.#source = new Source(parts)
    // Resources, and what is known of them, are the receivers' own.
    this.#source.reading(0)
  }

  async #watch(replayer, types, readings) {
    const chain = types.map((type) => ({ type }))
    const { first } = await chainOf(replayer, chain, { clock: this.#clock, resources: this.#source.pool })
    this.first = first
    for (let n = 0; n < readings; n++) await this.#read({ counted: false })
    await this.#second()
  }

  /** @returns CPU seconds of some time with events and readings */
  async pass(ms) {
    let seconds = 0
    for (let n = 0; n < ms / kCollectionMs; n++) {
      seconds += await this.#read({ counted: true })
      for (let s = 0; s < Math.min(kCollectionMs, ms) / second; s++) seconds += await this.#second()
    }
    return seconds
  }

  async #read({ counted }) {
    const batches = this.#source.reading(this.#atMs)
    if (!counted) this.#atMs += kCollectionMs
    return await this.#consume(batches.map((batch) => ({ atMs: this.#atMs, batch })))
  }

  async #second() {
    const seconds = await this.#consume([...this.#source.second(this.#atMs)])
    this.#atMs += second
    return seconds
  }

  async #consume(steps) {
    const start = process.cpuUsage()
    for (const { atMs, batch } of steps) {
      this.#clock.moveTo(atMs)
      await this.first.consume(batch)
    }
    const { user, system } = process.cpuUsage(start)
    return (user + system) / 1e6
  }
}

/** @returns {import('../lib/case.d.mts').Way<any, any>} */
function way(name, types) {
  return {
    name,
    async run({ parts, replayer, chains }, options) {
      let watched = chains.get(name)
      if (watched === undefined) {
        watched = await Watched.start(parts, replayer, types, amount(options, warmUpReadings))
        chains.set(name, watched)
      }
      const ms = amount(options, measuredMs)
      const seconds = await watched.pass(ms)
      return { cpu: (100 * seconds) / (ms / second), bytes: watched.bytesPerUnit }
    },
  }
}

/** @type {import('../lib/case.d.mts').Case<any, any>} */
export default {
  id: 'patterns-cost',
  question: 'What do the detectors of patterns cost on a host with 1000 units?',
  notes:
    'A minute of 1000 events per second, three quarters of them of 300 units that crash all the time, and of readings of all cgroups each 10 s; after two hours of readings. ' +
    'Records are made outside of what is measured. CPU is of all that stands between the source and a sink that takes everything; "none" is the same without ' +
    'a detector. Memory is the heap and its buffers after a full collection, with all that is kept for a unit.',
  figures: {
    cpu: { title: '% of a core', ratio: true },
    bytes: { title: 'bytes kept per unit' },
  },
  rounds: 3,
  setUp: async () => ({ parts: await loadParts(), replayer: await Replayer.load(), chains: new Map() }),
  ways: [way('all detectors', all), ...all.map((type) => way(type, [type])), way('none', [])],
  gates: [
    { figure: 'cpu', way: 'all detectors', atMost: 3 },
    { figure: 'bytes', way: 'all detectors', atMost: 10_240 },
  ],
}
