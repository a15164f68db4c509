import { product } from '../lib/product.mjs'

/** A clock that stands where the story is, and fires what falls due on the way. */
export class StoryClock {
  #nowMs = 0
  #timers = new Set()

  constructor(startMs) {
    this.startMs = startMs
  }
  unixNano() {
    return BigInt(Math.round((this.startMs + this.#nowMs) * 1000)) * 1000n
  }
  monotonicMs() {
    return this.#nowMs
  }
  after(ms, fire) {
    return this.#add(ms, undefined, fire)
  }
  every(ms, fire) {
    return this.#add(ms, ms, fire)
  }
  moveTo(ms) {
    for (;;) {
      let next
      for (const timer of this.#timers)
        if (timer.dueMs <= ms && (next === undefined || timer.dueMs < next.dueMs)) next = timer
      if (next === undefined) break
      this.#nowMs = Math.max(this.#nowMs, next.dueMs)
      if (next.everyMs === undefined) this.#timers.delete(next)
      else next.dueMs += next.everyMs
      next.fire()
    }
    this.#nowMs = Math.max(this.#nowMs, ms)
  }
  #add(ms, everyMs, fire) {
    const timer = { dueMs: this.#nowMs + ms, everyMs, fire }
    this.#timers.add(timer)
    return { cancel: () => void this.#timers.delete(timer) }
  }
}

const ok = Promise.resolve({ kind: 'ok' })

/** The processors of the product, by type, with what they need. */
export class Replayer {
  #factories = new Map()

  static async load() {
    const replayer = new Replayer()
    replayer.testing = await product('testkit/test-settings.js')
    replayer.createTestConfig = (await product('testkit/create-test-config.js')).createTestConfig
    replayer.registrations = (await product('registry.js')).registrations
    return replayer
  }

  async factoryOf(type) {
    let factory = this.#factories.get(type)
    if (factory === undefined) {
      const registration = this.registrations.find((one) => one.kind === 'processor' && one.type === type)
      if (registration === undefined) throw new Error(`there is no processor ${type}`)
      factory = await registration.load()
      this.#factories.set(type, factory)
    }
    return factory
  }

  /**
   * Tells the story to a chain of processors, the last one being the pattern's.
   *
   * @param {import('./machine.mjs').Machine} machine
   * @param {readonly {type: string, config?: unknown}[]} chain
   * @returns {Promise<object[]>} the pattern events that came out, in order
   */
  async tell(machine, chain) {
    const clock = new StoryClock(machine.startMs)
    const events = []
    const { first, processors } = await chainOf(this, chain, { clock, resources: machine.pool }, (batch) => {
      for (const event of batch.events) if (event.name.startsWith('pattern.')) events.push(event)
    })
    let told = 0
    for (const { atMs, batch } of machine.steps()) {
      clock.moveTo(atMs)
      const offered = first.consume(batch)
      // What a processor makes goes out a few promises later: let it, before time moves on by much.
      if (batch.events.length > 0 || ++told % 256 === 0) await offered
    }
    for (const processor of processors) await processor.shutdown()
    return events
  }
}

/**
 * Processors in a row, started; behind the last one everything is taken.
 *
 * @param {Replayer} replayer
 * @param {readonly {type: string, config?: unknown}[]} chain
 * @param {object} settings what all of them share
 * @param {(batch: object) => void} [onTaken]
 */
export async function chainOf(replayer, chain, settings, onTaken = () => {}) {
  let first = {
    consume(batch) {
      onTaken(batch)
      return ok
    },
  }
  const processors = []
  for (const { type, config = {} } of [...chain].reverse()) {
    const factory = await replayer.factoryOf(type)
    const own = replayer.testing.testSettings('processor', type, settings)
    first = factory.create(own, replayer.createTestConfig(factory.configSchema, config), first)
    processors.unshift(first)
  }
  for (const processor of processors) await processor.start({ report() {} })
  return { first, processors }
}
