import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { counter, crashLoops } from '../lib/crashes.mjs'
import { product } from '../lib/product.mjs'

const kLoops = 50
/** Seconds of crash loops: the first make the incidents and what V8 compiles, the others are measured. */
const kWarmUpSeconds = 20
const kSeconds = 60
const kQuickSeconds = 20
const kDiskMs = 5
const incidentId = 'incident.id'

/** Time that is told: what is due runs when `advance` comes to it, and nothing waits. */
class ToldClock {
  #nowMs = 0
  #startNano
  #timers = new Set()

  constructor(startUsec) {
    this.#startNano = BigInt(startUsec) * 1000n
  }

  unixNano = () => this.#startNano + BigInt(Math.round(this.#nowMs * 1e6))
  monotonicMs = () => this.#nowMs
  after = (ms, fire) => this.#add({ dueMs: this.#nowMs + ms, fire })
  every = (ms, fire) => this.#add({ dueMs: this.#nowMs + ms, everyMs: ms, fire })

  advance(ms) {
    const end = this.#nowMs + ms
    for (;;) {
      let next
      for (const timer of this.#timers) if (timer.dueMs <= end && timer.dueMs < (next?.dueMs ?? Infinity)) next = timer
      if (next === undefined) break
      this.#nowMs = Math.max(this.#nowMs, next.dueMs)
      if (next.everyMs === undefined) this.#timers.delete(next)
      else next.dueMs += next.everyMs
      next.fire()
    }
    this.#nowMs = end
  }

  #add(timer) {
    this.#timers.add(timer)
    return { cancel: () => void this.#timers.delete(timer) }
  }
}

async function processorOf({ startUsec }, stateDirectory, next) {
  const { factory } = await product('processors/incident/factory.js')
  const { createTestConfig } = await product('testkit/create-test-config.js')
  const { TestHost, testSettings } = await product('testkit/test-settings.js')
  const clock = new ToldClock(startUsec)
  const settings = testSettings('processor', 'incident', { clock, ...(stateDirectory && { stateDirectory }) })
  const processor = factory.create(settings, createTestConfig(factory.configSchema), next)
  await processor.start(new TestHost())
  return { clock, processor }
}

/** A way whose `open` gives what batches go to, and the clock that it lives by. */
function way(name, open) {
  return {
    name,
    async run({ loops }, { quick }) {
      const next = counter(incidentId)
      const { consumer, advance, close, isMarked } = await open(loops, next)
      const seconds = quick ? kQuickSeconds : kSeconds
      let us = 0
      for (let second = 0; second < kWarmUpSeconds + seconds; second++) {
        const batches = loops.round(second).map((events) => ({ events, metrics: [], spans: [] }))
        const start = process.cpuUsage()
        for (const batch of batches) {
          await consumer.consume(batch)
          advance(1000 / kLoops)
        }
        // What goes to the disk gets there before the next second begins.
        await sleep(kDiskMs)
        const { user, system } = process.cpuUsage(start)
        if (second >= kWarmUpSeconds) us += user + system
      }
      const spent = await close()
      const events = (kWarmUpSeconds + seconds) * kLoops * 4
      // All but those of before the first failure.
      if (next.seen.events < events || (isMarked && next.seen.marked < events - kLoops * 2))
        throw new Error(`${name}: of ${events} events ${next.seen.events} came through, ${next.seen.marked} marked`)
      return { us: us / (seconds * kLoops * 4), ...spent }
    },
  }
}

async function withProcessor(loops, next, stateDirectory) {
  const { clock, processor } = await processorOf(loops, stateDirectory, next)
  return {
    consumer: processor,
    advance: (ms) => clock.advance(ms),
    isMarked: true,
    close: async () => void (await processor.shutdown()),
  }
}

/** @type {import('../lib/case.d.mts').Case<any>} */
export default {
  id: 'incident',
  question: `What do incidents cost for each event, where ${kLoops} units crash once a second?`,
  notes:
    'Each crash is four events (restarted, job finished, failed, restarting) in one batch, with the attributes and timestamps that the systemd receiver gives them, made ' +
    'outside of what is measured. Each unit is an incident that is 20 s old and goes on. CPU is that of all threads, collection of garbage included. With a state ' +
    'directory the incidents are written to a disk as often as by the clock, by the time that the events tell; the size is that of the file.',
  figures: {
    us: { title: 'CPU us per event', ratio: true },
    kb: { title: 'KB kept on the disk' },
  },
  setUp: async () => ({
    loops: await crashLoops(Array.from({ length: kLoops }, (_, n) => `loop${n}.service`)),
  }),
  ways: [
    way('unitscope', withProcessor),
    way('unitscope, incidents kept on a disk', async (loops, next) => {
      const folder = mkdtempSync(join(tmpdir(), 'unitscope-bench-'))
      const inner = await withProcessor(loops, next, folder)
      return {
        ...inner,
        async close() {
          await inner.close()
          const { size } = statSync(join(folder, 'processor.incident.incidents'))
          rmSync(folder, { recursive: true })
          return { kb: size / 1000 }
        },
      }
    }),
    way('without the processor', async (_, next) => ({
      consumer: next,
      advance() {},
      isMarked: false,
      close: async () => {},
    })),
  ],
  gates: [],
}
