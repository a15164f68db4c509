import { day, hour, minute, second } from '../machine.mjs'
import leaks, { household, live, pace, teeth } from './memory_leak.mjs'

/** The scenarios of leaks in which a limit is met, and when: what is foretold must have that in its interval. */
const ofLeaks = (name) => {
  const family = leaks.families.find((one) => one.name === name)
  return {
    name,
    make(machine) {
      const expected = family.make(machine)
      return { ...expected, dueMs: [expected.untilMs] }
    },
  }
}

/** A service that leaks until it is killed, then leaks again: each run's end is to be foretold. */
const killed = {
  name: 'leaks until it is killed, three times',
  make(machine) {
    const { chance } = machine
    const home = household(chance)
    const service = machine.service()
    service.start(second)
    const runMs = chance.scale(4 * hour, day)
    const expected = []
    let from = 2 * second
    for (let n = 0; n < 3; n++) {
      const rate = ((home.limit - home.base) / runMs) * chance.between(0.7, 1.4)
      const tooth = teeth(chance, home.limit * 0.1, chance.scale(20 * second, 5 * minute))
      const start = from
      const held = (atMs) => home.base + rate * (atMs - start) + tooth(atMs - start)
      const everyMs = pace(runMs)
      const endMs = live(service, { chance, from, until: from + 3 * runMs, everyMs, household: home, held })
      expected.push({ unit: service.name, kinds: ['memory'], fromMs: from, untilMs: endMs + everyMs, dueMs: [endMs] })
      service.oom(endMs)
      from = endMs + 2 * second
    }
    return expected
  },
}

/** Failures a period apart, the next of which is to be foretold once the pattern is known. */
const periodic = (name, jitter, byClock) => ({
  name,
  make(machine) {
    const { chance } = machine
    const service = machine.service()
    service.start(second)
    const period = chance.scale(5 * minute, 12 * hour)
    const times = []
    let last = 0
    for (let n = 1; n <= 24; n++) {
      const off = chance.normal(0, jitter * period)
      last = byClock ? n * period + off : last + period + off
      times.push(last)
    }
    for (const atMs of times) service.crash(atMs, 100)
    machine.until(times.at(-1) + 2 * period)
    // Whichever failure tips it, the one after that is foretold.
    return { unit: service.name, kinds: ['failure'], fromMs: times[3], untilMs: times[22], dueMs: times }
  },
})

/** A disk that fills steadily, beside what is written and thrown away. */
const disk = {
  name: 'a disk fills',
  make(machine) {
    const { chance } = machine
    const lengthMs = chance.scale(6 * hour, 5 * day)
    const size = chance.scale(2, 500) * 2 ** 30
    const start = size * chance.between(0.2, 0.6)
    const rate = (size - start) / lengthMs
    const logs = size * chance.between(0, 0.05)
    const logMs = chance.scale(20 * minute, lengthMs / 8)
    const everyMs = pace(lengthMs)
    let atMs = second
    for (; atMs < 2 * lengthMs; atMs += everyMs) {
      const used = start + rate * atMs + logs * ((atMs % logMs) / logMs) + chance.between(0, size * 0.001)
      if (used >= size) break
      tellDisk(machine, atMs, used, size)
    }
    return { unit: undefined, kinds: ['disk'], fromMs: second, untilMs: atMs, dueMs: [atMs] }
  },
}

function tellDisk(machine, atMs, used, size) {
  const point = (state, value) => ({
    attributes: { 'system.filesystem.state': state },
    timeUnixNano: machine.unixNano(atMs),
    value: Math.round(value),
  })
  const resource = machine.parts.hostResource(machine.pool)
  const points = [point('used', used), point('free', size - used)]
  const head = { name: 'system.filesystem.usage', unit: 'By', description: '', type: 'gauge', valueType: 'int' }
  machine.add(atMs, { metrics: [{ ...head, resource, points }] })
}

const negatives = [
  ...leaks.families.filter(({ name }) =>
    /^(a collector|the page cache|warms up|a heap grows|walks|a job of|follows the load|a neighbour)/.test(name),
  ),
  {
    name: 'a disk fills and is emptied, day after day',
    make(machine) {
      const { chance } = machine
      const size = chance.scale(2, 500) * 2 ** 30
      const swing = size * chance.between(0.05, 0.4)
      const every = chance.scale(hour, day)
      for (let atMs = second; atMs < 6 * day; atMs += 2 * minute)
        tellDisk(machine, atMs, size * 0.3 + swing * ((atMs % every) / every) + chance.between(0, size * 0.002), size)
    },
  },
  {
    name: 'crashes now and then by chance',
    make(machine) {
      const service = machine.service()
      service.start(second)
      for (const atMs of machine.chance.poisson(minute, 10 * day, 8 * hour)) service.crash(atMs)
      machine.until(10 * day)
    },
  },
]

/** @type {import('../kind.d.mts').Kind} */
export default {
  id: 'prediction',
  bars: { precision: 0.95, recall: 0.9 },
  before: ['memory_leak', 'periodic_crash'],
  families: [
    ofLeaks('leaks steadily below the teeth of a collector'),
    ofLeaks('leaks a step with each burst of requests'),
    ofLeaks('begins to leak after days of rest'),
    ofLeaks('leaks in the kernel or in shared memory while the page cache fills'),
    ofLeaks('leaks threads'),
    killed,
    periodic('fails by the clock', 0.01, true),
    periodic('fails each time after a while', 0.03, false),
    disk,
    ...negatives,
  ],
}
