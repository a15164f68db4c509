import { day, hour, minute, week } from './machine.mjs'

// Units that nothing is wrong with, as a host has them: what they use at a time, made by chance. Noise, load of the day and of the
// week, jobs, bursts, garbage that is collected, caches that fill, queues that run for hours, now and then a restart.

/** @typedef {{cpu: number, memory: number, io: number, tasks: number, pressure: number}} Use  cores, bytes, bytes/s, tasks, share */
/** @typedef {(atMs: number) => Use} Life  asked in order of time */

const MiB = 2 ** 20
const hourOf = (atMs) => (atMs % day) / hour
export const diurnal = (atMs, phase) => 0.55 - 0.45 * Math.cos(((hourOf(atMs) - phase) / 24) * 2 * Math.PI)
/** @param {number} atMs @param {number} weekday of the story's first day: 0 is Monday */
export const isWeekend = (atMs, weekday) => (Math.floor(atMs / day) + weekday) % 7 >= 5

const use = (cpu, memory, io, tasks, pressure = cpu * 0.01) => ({
  cpu: Math.max(cpu, 0),
  memory: Math.max(memory, MiB),
  io: Math.max(io, 0),
  tasks: Math.max(Math.round(tasks), 1),
  pressure: Math.min(Math.max(pressure, 0), 1),
})

/** Wanders around 0 with deviation 1 and forgets in `memoryMs`; asked in order. */
function wander(chance, memoryMs) {
  let value = chance.normal()
  let lastMs = 0
  return (atMs) => {
    const keep = Math.exp(-(atMs - lastMs) / memoryMs)
    lastMs = atMs
    value = keep * value + Math.sqrt(1 - keep * keep) * chance.normal()
    return value
  }
}

/** On and off by chance: 1 or 0. */
function periods(chance, onMs, offMs) {
  let on = false
  let untilMs = chance.exponential(offMs)
  return (atMs) => {
    while (atMs >= untilMs) {
      on = !on
      untilMs += chance.exponential(on ? onMs : offMs)
    }
    return on ? 1 : 0
  }
}

/** @type {readonly (readonly [string, (chance: import('./random.mjs').Chance, weekday: number) => Life])[]} */
export const lives = [
  [
    'idle',
    (chance) => {
      const memory = chance.scale(4 * MiB, 200 * MiB)
      const tasks = chance.whole(1, 5)
      return () =>
        use(
          Math.exp(chance.normal(-8, 0.5)),
          memory * (1 + chance.normal(0, 0.002)),
          chance.next() < 0.02 ? 4096 : 0,
          tasks,
        )
    },
  ],
  [
    'serves by day',
    (chance) => {
      const peak = chance.scale(0.05, 4)
      const memory = chance.scale(50 * MiB, 4096 * MiB)
      const phase = chance.between(2, 6)
      const noise = wander(chance, 20 * minute)
      const tasks = chance.whole(4, 60)
      return (atMs) => {
        const load = diurnal(atMs, phase) * Math.exp(0.15 * noise(atMs) + chance.normal(0, 0.15))
        return use(
          peak * load,
          memory * (0.9 + 0.1 * load),
          1e6 * peak * load,
          tasks * (0.8 + 0.2 * load),
          0.02 * load * load,
        )
      }
    },
  ],
  [
    'serves on work days',
    (chance, weekday) => {
      const peak = chance.scale(0.2, 4)
      const memory = chance.scale(50 * MiB, 2048 * MiB)
      const quiet = chance.between(0.1, 0.5)
      const noise = wander(chance, 30 * minute)
      return (atMs) => {
        const load =
          diurnal(atMs, 4) *
          (isWeekend(atMs, weekday) ? quiet : 1) *
          Math.exp(0.2 * noise(atMs) + chance.normal(0, 0.1))
        return use(peak * load, memory * (0.85 + 0.15 * load), 3e5 * load, 20 + 10 * load)
      }
    },
  ],
  [
    'a job each day',
    (chance) => {
      const fromMs = chance.between(0, 23 * hour)
      let lasts = 0
      let startMs = 0
      let today = -1
      return (atMs) => {
        if (Math.floor(atMs / day) !== today) {
          today = Math.floor(atMs / day)
          startMs = fromMs + chance.between(0, 5 * minute)
          lasts = chance.between(20 * minute, 40 * minute)
        }
        const runs = atMs % day >= startMs && atMs % day < startMs + lasts ? 1 : 0
        return use(
          0.002 + runs * chance.between(0.7, 1),
          30 * MiB + runs * chance.between(200, 260) * MiB,
          runs * chance.between(2e7, 4e7),
          2 + runs * 6,
          runs * 0.2,
        )
      }
    },
  ],
  [
    'a job each hour',
    (chance) => {
      const at = chance.between(0, 50 * minute)
      return (atMs) => {
        const runs = atMs % hour >= at && atMs % hour < at + 8 * minute ? 1 : 0
        return use(
          0.001 + runs * chance.between(0.3, 0.6),
          20 * MiB + runs * chance.between(20, 60) * MiB,
          runs * chance.between(1e6, 5e6),
          2 + runs * 2,
        )
      }
    },
  ],
  [
    'bursts',
    (chance) => {
      const burst = periods(chance, 15 * minute, chance.between(2, 12) * hour)
      let size = 1
      let was = 0
      return (atMs) => {
        const now = burst(atMs)
        if (now > was) size = Math.exp(chance.normal(0, 0.7))
        was = now
        return use(
          0.02 * Math.exp(chance.normal(0, 0.4)) + now * size,
          150 * MiB + now * size * 50 * MiB,
          1e5 + now * size * 2e7,
          8 + now * size * 6,
          0.01 + now * 0.1 * size,
        )
      }
    },
  ],
  [
    'collects garbage',
    (chance) => {
      const least = chance.scale(100 * MiB, 1024 * MiB)
      const grows = chance.between(0.3, 1.5)
      let share = chance.next()
      let limit = 1
      return () => {
        share += 0.02 * chance.between(0.5, 1.5)
        if (share > limit) {
          share = 0
          limit = chance.between(0.7, 1.2)
        }
        return use(
          0.3 * Math.exp(chance.normal(0, 0.25)),
          least * (1 + grows * share),
          2e5 * Math.exp(chance.normal(0, 0.6)),
          30 + chance.whole(-2, 2),
        )
      }
    },
  ],
  [
    'wanders',
    (chance) => {
      const slow = wander(chance, chance.between(6, 48) * hour)
      const quick = wander(chance, hour)
      const memory = chance.scale(100 * MiB, 2048 * MiB)
      return (atMs) => {
        const load = Math.exp(0.4 * slow(atMs) + 0.2 * quick(atMs) + chance.normal(0, 0.1))
        return use(
          0.5 * load,
          memory * Math.exp(0.15 * slow(atMs)),
          1e6 * load,
          40 * Math.exp(0.1 * slow(atMs)),
          0.03 * load,
        )
      }
    },
  ],
  [
    'a queue that is worked on for hours',
    (chance) => {
      const busy = periods(chance, chance.between(1, 4) * hour, chance.between(2, 10) * hour)
      return (atMs) => {
        const on = busy(atMs)
        return use(
          0.01 + on * chance.between(0.8, 1),
          100 * MiB + on * chance.between(250, 350) * MiB,
          on * chance.between(5e6, 1.5e7),
          4 + on * 8,
          on * chance.between(0.05, 0.15),
        )
      }
    },
  ],
  [
    'fills its cache',
    (chance) => {
      const limit = chance.scale(300 * MiB, 2048 * MiB)
      const paceMs = chance.between(6 * hour, 3 * day)
      return (atMs) => {
        const load = diurnal(atMs, 5) * Math.exp(chance.normal(0, 0.2))
        return use(0.2 * load, 50 * MiB + limit * (1 - Math.exp(-atMs / paceMs)), 8e5 * load, 16)
      }
    },
  ],
]

/** Failures by chance: some units never, some once in a week, one in a hundred each day. @param {import('./random.mjs').Chance} chance @param {number} lengthMs */
export function failures(chance, lengthMs) {
  const meanMs = chance.one([0, 0, 0, 8 * week, 8 * week, 2 * week, week, 3 * day])
  return meanMs === 0 ? [] : chance.poisson(hour, lengthMs, meanMs)
}
