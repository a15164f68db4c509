import { day, hour, minute, second, week } from '../machine.mjs'

const kUnit = 'web.service'
/** Somebody who knows that a unit is regular believes it at three equal intervals. */
const kKnownAt = 3
/** A finding after so many failures is of no use any more. */
const kUseful = 30

/** Crashes that are events of their own at `times`, each followed by a restart. */
function crashes(machine, times, delayMs = 100) {
  const service = machine.service(kUnit)
  service.start(0)
  for (const at of times) service.crash(at, typeof delayMs === 'function' ? delayMs() : delayMs)
  machine.until(times.at(-1) + day)
}

/** A rhythm is to be found between the fourth and the thirtieth failure that keeps it. */
const expected = (times, until = times.at(-1)) => ({ unit: kUnit, fromMs: times[kKnownAt], untilMs: until + second })

/** Each failure a while after the one before: leaks, timeouts, counters that overflow. */
function byInterval({ chance }, periodMs, jitter, count = kUseful, fromMs = 0) {
  return inRow(count, fromMs, () => periodMs * Math.max(chance.normal(1, jitter), 0.3))
}

function inRow(count, fromMs, interval) {
  const times = []
  let at = fromMs
  while (times.length < count) {
    at += interval()
    times.push(at)
  }
  return times
}

/** Failures at the times of a clock, each a little off: jobs elsewhere, certificates, log rotation. */
function byClock({ chance }, periodMs, jitterMs, count = kUseful, fromMs = 0) {
  const phase = fromMs + periodMs * chance.between(0.2, 1)
  return Array.from({ length: count }, (_, n) => phase + n * periodMs + chance.normal(0, jitterMs))
}

function randomTimes({ chance }, count, interval, fromMs = 0) {
  // Less than some seconds is a crash loop, another pattern's business.
  return inRow(count, fromMs, () => Math.max(interval(chance), chance.between(15, 60) * second))
}

const regular = [
  {
    name: 'a leak: each crash a while after the one before, 5 % jitter',
    make(machine) {
      const times = byInterval(machine, machine.chance.scale(5 * minute, 2 * day), 0.05)
      crashes(machine, times)
      return expected(times)
    },
  },
  {
    name: 'each crash a while after the one before, 10 % jitter',
    make(machine) {
      const times = byInterval(machine, machine.chance.scale(5 * minute, day), 0.1)
      crashes(machine, times)
      return expected(times)
    },
  },
  {
    name: 'a period of seconds',
    make(machine) {
      const times = byInterval(machine, machine.chance.scale(20 * second, 2 * minute), 0.03)
      crashes(machine, times)
      return expected(times)
    },
  },
  {
    name: 'by the clock: a job elsewhere, to the second',
    make(machine) {
      const periodMs = machine.chance.one([5 * minute, 15 * minute, hour, 6 * hour, day])
      const times = byClock(machine, periodMs, machine.chance.scale(0.2, 5) * second)
      crashes(machine, times)
      return expected(times)
    },
  },
  {
    name: 'by the clock, 4 % jitter',
    make(machine) {
      const periodMs = machine.chance.scale(10 * minute, day)
      const times = byClock(machine, periodMs, 0.04 * periodMs)
      crashes(machine, times)
      return expected(times)
    },
  },
  {
    name: 'one is missing among the first six',
    make(machine) {
      const times = byInterval(machine, machine.chance.scale(5 * minute, day), 0.03)
      times.splice(machine.chance.whole(1, 5), 1)
      crashes(machine, times)
      return expected(times)
    },
  },
  {
    name: 'one too many among the first six',
    make(machine) {
      const { chance } = machine
      const periodMs = chance.scale(5 * minute, day)
      const times = byClock(machine, periodMs, 0.02 * periodMs)
      times.splice(1, 0, times[0] + periodMs * chance.between(0.3, 4.7))
      times.sort((a, b) => a - b)
      crashes(machine, times)
      return expected(times)
    },
  },
  {
    name: 'a crash loop at each beat',
    make(machine) {
      const { chance } = machine
      const times = byClock(machine, chance.one([hour, 6 * hour, day]), 20 * second)
      const service = machine.service(kUnit)
      service.start(0)
      for (const at of times)
        for (let n = 0, again = at; n < chance.whole(2, 9); n++, again += 5 * second + chance.between(1, 2) * second)
          service.crash(again, 5 * second)
      machine.until(times.at(-1) + day)
      return expected(times)
    },
  },
  {
    name: 'a long wait for each restart, and a longer run',
    make(machine) {
      const { chance } = machine
      const runMs = chance.scale(10 * minute, 6 * hour)
      const times = byInterval(machine, 1.2 * runMs, 0.03)
      crashes(machine, times, 0.2 * runMs)
      return expected(times)
    },
  },
  {
    name: 'at random for long, then regular',
    make(machine) {
      const { chance } = machine
      const before = randomTimes(machine, chance.whole(5, 40), () => chance.exponential(5 * hour))
      const times = byInterval(machine, chance.scale(10 * minute, 6 * hour), 0.04, kUseful, before.at(-1))
      crashes(machine, [...before, ...times])
      return expected(times)
    },
  },
  {
    name: 'a timer starts it, and it fails each time',
    make(machine) {
      const { chance } = machine
      const times = byClock(machine, chance.one([minute, 10 * minute, hour, day]), 2 * second)
      const service = machine.service(kUnit)
      for (const at of times) {
        service.start(at)
        service.fail(at + chance.between(0.2, 3) * second)
      }
      machine.until(times.at(-1) + day)
      return expected(times, times.at(-1) + 5 * second)
    },
  },
]

const irregular = [
  {
    name: 'crashes at random',
    make(machine) {
      const { chance } = machine
      const meanMs = chance.scale(2 * minute, day)
      crashes(
        machine,
        randomTimes(machine, chance.whole(10, 150), () => chance.exponential(meanMs)),
      )
    },
  },
  {
    name: 'crashes in bursts',
    make(machine) {
      const { chance } = machine
      const meanMs = chance.scale(10 * minute, day)
      const interval = () => chance.exponential(chance.next() < 0.6 ? 0.05 * meanMs : 2 * meanMs)
      crashes(machine, randomTimes(machine, chance.whole(10, 150), interval))
    },
  },
  {
    name: 'intervals that spread by half and more',
    make(machine) {
      const { chance } = machine
      const meanMs = chance.scale(10 * minute, day)
      const spread = chance.between(0.5, 1.2)
      crashes(
        machine,
        randomTimes(machine, chance.whole(10, 100), () => meanMs * Math.exp(chance.normal(0, spread))),
      )
    },
  },
  {
    name: 'more by day than by night',
    make(machine) {
      const { chance } = machine
      const times = chance
        .poisson(0, 3 * week, 2 * hour)
        .filter((at) => chance.next() < 0.5 + 0.45 * Math.cos((2 * Math.PI * at) / day))
      crashes(machine, [minute, ...times])
    },
  },
  {
    name: 'a loop, each 5 s',
    make(machine) {
      const { chance } = machine
      const delayMs = chance.one([0.1, 1, 5]) * second
      const service = machine.service(kUnit)
      service.start(0)
      for (let n = 0, at = 0; n < chance.whole(50, 300); n++) {
        at += chance.between(0.5, 4) * second
        service.crash(at, delayMs)
        at += delayMs
      }
    },
  },
  {
    name: 'a loop that RestartSec= paces to minutes',
    make(machine) {
      const { chance } = machine
      const delayMs = chance.scale(15 * second, 15 * minute)
      const service = machine.service(kUnit)
      service.start(0)
      for (let n = 0, at = 0; n < 80; n++) {
        at += chance.between(0.1, 0.6) * Math.min(delayMs, 20 * second)
        service.crash(at, delayMs)
        at += delayMs
      }
    },
  },
  {
    name: 'a loop with a back-off, up to its longest wait',
    make(machine) {
      const { chance } = machine
      const longestMs = chance.scale(minute, 10 * minute)
      const service = machine.service(kUnit)
      service.start(0)
      for (let n = 0, at = 0, delayMs = second; n < 80; n++, delayMs = Math.min(delayMs * 1.7, longestMs)) {
        at += chance.between(0.5, 8) * second
        service.crash(at, delayMs)
        at += delayMs
      }
    },
  },
  {
    name: 'a job restarts it each night, and it fails at random',
    make(machine) {
      const { chance } = machine
      const service = machine.service(kUnit)
      service.start(0)
      const stops = Array.from({ length: 28 }, (_, n) => [n * day + 3 * hour, 'restart'])
      const fails = chance.poisson(0, 4 * week, day).map((at) => [at, 'crash'])
      for (const [at, what] of [...stops, ...fails].sort((a, b) => a[0] - b[0])) service[what](at)
      machine.until(4 * week)
    },
  },
  {
    name: 'ends in order after each hour, by design (Restart=always)',
    make(machine) {
      const { chance } = machine
      const service = machine.service(kUnit)
      const periodMs = chance.scale(10 * minute, day)
      service.start(0)
      for (let n = 1; n <= 60; n++) service.cycle(n * periodMs + chance.between(0, 2) * second)
    },
  },
  {
    name: 'fails when the machine is rebooted',
    make(machine) {
      const { chance } = machine
      const others = ['db.service', 'cache.service', 'mail.service'].map((name) => machine.service(name))
      const all = [machine.service(kUnit), ...others]
      for (const service of all) service.start(0)
      for (const at of randomTimes(machine, 25, () => chance.exponential(2 * day))) {
        for (const service of all) if (chance.next() < 0.8) service.fail(at + chance.between(0, 5) * second)
        machine.gap(at + minute, 'agent_restart', at + 10 * second)
        for (const service of all) service.start(at + minute + chance.between(1, 20) * second)
      }
    },
  },
  {
    name: 'fails now and then after a deployment',
    make(machine) {
      const { chance } = machine
      const service = machine.service(kUnit)
      service.start(0)
      for (const at of chance.poisson(0, 60 * day, 1.5 * day)) {
        service.restart(at)
        if (chance.next() < 0.5) service.crash(at + chance.between(1, 30) * minute)
      }
      machine.until(60 * day)
    },
  },
]

/** What a rule of thumb makes of it: five intervals that differ by less than a fifth of their mean. */
function byVariation(machine) {
  const found = []
  for (const service of machine.services)
    for (let n = 5; n < service.failures.length; n++) {
      const newest = service.failures.slice(n - 5, n + 1)
      const intervals = newest.slice(1).map((at, i) => at - newest[i])
      const mean = intervals.reduce((a, b) => a + b) / intervals.length
      const variance = intervals.reduce((sum, v) => sum + (v - mean) ** 2, 0) / (intervals.length - 1)
      if (Math.sqrt(variance) < 0.2 * mean) {
        found.push({ unit: service.name, kind: 'regular', atMs: newest.at(-1) })
        break
      }
    }
  return found
}

/** @type {import('../kind.d.mts').Kind} */
export default {
  id: 'periodic_crash',
  families: [...regular, ...irregular],
  bars: { precision: 0.98, recall: 0.95 },
  baseline: { name: 'five intervals, variation below 0.2', find: byVariation },
}
