import { day, hour, minute, second } from '../machine.mjs'

const mib = 2 ** 20

/** What a service holds and gives back, beside what it leaks: drawn once per scenario. Bytes. */
export function household(chance) {
  const limit = chance.scale(128 * mib, 8192 * mib)
  const base = limit * chance.between(0.1, 0.35)
  return { limit, base, noise: base * chance.scale(0.001, 0.02), cache: limit * chance.between(0.05, 0.2) }
}

/** A collector of garbage: from 0 up to `height`, then back; no two teeth are quite alike. */
export function teeth(chance, height, periodMs) {
  let from = 0
  let to = periodMs * chance.between(0.8, 1.2)
  let high = height * chance.between(0.85, 1)
  return (atMs) => {
    while (atMs >= to) {
      from = to
      to += periodMs * chance.between(0.8, 1.2)
      high = height * chance.between(0.85, 1)
    }
    return (high * (atMs - from)) / (to - from)
  }
}

/** The load of the day in [0, 1]: least at four, most in the afternoon; days differ, and weekends are quiet. */
function dayLoad(chance, startMs) {
  const heights = []
  return (atMs) => {
    const days = (startMs + atMs) / day - 4 / 24
    const today = Math.floor(days)
    heights[today] ??= ((today + 4) % 7 >= 5 ? 0.6 : 1) * chance.between(0.85, 1)
    return (heights[today] * (1 - Math.cos(2 * Math.PI * days))) / 2
  }
}

/** A reading: what it holds is split as the kernel does, page cache comes on top. */
export function read(service, atMs, { held, limit, cache, tasks, tasksLimit }) {
  const kernel = 0.03 * held
  const fits = limit === undefined ? cache : Math.max(Math.min(cache, limit - held), 0)
  service.sample(atMs, {
    memoryCurrent: Math.round(held + fits + 2 * mib),
    ...(limit === undefined ? {} : { memoryMax: Math.round(limit) }),
    'memoryStat.anon': Math.round(held - kernel),
    'memoryStat.file': Math.round(fits),
    'memoryStat.kernel': Math.round(kernel + 2 * mib),
    'memoryStat.shmem': 0,
    'memoryStat.slab_reclaimable': 2 * mib,
    ...(tasks === undefined ? {} : { pidsCurrent: Math.round(tasks) }),
    ...(tasksLimit === undefined ? {} : { pidsMax: tasksLimit }),
  })
}

/**
 * Tells a service's readings in [from, until), or until it meets its limit, and says when that was.
 *
 * @param held bytes at a time
 */
export function live(
  service,
  { chance, from, until, everyMs, household: { limit, noise, cache }, held, hasLimit = true },
) {
  for (let atMs = from; atMs < until; atMs += everyMs) {
    const now = held(atMs) + Math.abs(chance.normal(0, noise))
    if (hasLimit && now >= limit) return atMs
    read(service, atMs, { held: now, limit: hasLimit ? limit : undefined, cache: cache * chance.between(0.9, 1.1) })
  }
  return until
}

/** Readings of a story: every ten seconds of a short one, fewer of a long one, for the benchmark's sake. */
export const pace = (lengthMs) => (lengthMs <= 8 * hour ? 10 * second : lengthMs <= 3 * day ? 30 * second : 2 * minute)

/** A story of one service that leaks from `onset` on, told to its end at the limit. */
function leaking(machine, { lengthMs, onset, held, home, hasLimit = true }) {
  const { chance } = machine
  const service = machine.service()
  service.start(second)
  const everyMs = pace(lengthMs)
  const endMs = live(service, { chance, from: 2 * second, until: lengthMs, everyMs, household: home, held, hasLimit })
  if (endMs < lengthMs) service.oom(endMs + everyMs / 2)
  return { unit: service.name, kinds: ['memory'], fromMs: onset, untilMs: endMs + everyMs }
}

/** One that does not. */
function healthy(machine, { lengthMs, held, home, hasLimit = true }) {
  const { chance } = machine
  const service = machine.service()
  service.start(second)
  live(service, {
    chance,
    from: 2 * second,
    until: lengthMs,
    everyMs: pace(lengthMs),
    household: home,
    held: (atMs) => Math.min(held(atMs), home.limit * 0.93),
    hasLimit,
  })
}

const positives = [
  {
    name: 'leaks steadily below the teeth of a collector',
    make(machine) {
      const { chance } = machine
      const home = household(chance)
      const lengthMs = chance.scale(2 * hour, 2 * day)
      const tooth = teeth(chance, home.limit * chance.between(0.05, 0.25), chance.scale(20 * second, lengthMs / 40))
      const rate = (home.limit - home.base) / lengthMs
      return leaking(machine, { lengthMs, home, onset: second, held: (atMs) => home.base + rate * atMs + tooth(atMs) })
    },
  },
  {
    name: 'leaks a step with each burst of requests',
    make(machine) {
      const { chance } = machine
      const home = household(chance)
      const lengthMs = chance.scale(4 * hour, 2 * day)
      const bursts = chance.poisson(0, lengthMs, lengthMs / chance.whole(120, 1000))
      const step = (home.limit - home.base) / bursts.length
      let n = 0
      let lost = 0
      const held = (atMs) => {
        for (; n < bursts.length && bursts[n] <= atMs; n++) lost += step * chance.between(0.5, 1.6)
        return home.base + lost
      }
      return leaking(machine, { lengthMs, home, onset: second, held })
    },
  },
  {
    name: 'leaks slowly under the load of the day',
    make(machine) {
      const { chance, startMs } = machine
      const home = household(chance)
      const lengthMs = chance.between(14, 24) * day
      const load = dayLoad(chance, startMs)
      const swing = home.base * chance.between(0.1, 0.5)
      const rate = (home.base * chance.between(0.5, 1.5)) / lengthMs
      const held = (atMs) => home.base + swing * load(atMs) + rate * atMs
      return leaking(machine, { lengthMs, home, onset: second, held, hasLimit: chance.next() < 0.5 })
    },
  },
  {
    name: 'leaks at a rate that follows the load',
    make(machine) {
      const { chance, startMs } = machine
      const home = household(chance)
      const lengthMs = chance.between(2, 7) * day
      const load = dayLoad(chance, startMs)
      const everyMs = pace(lengthMs)
      let lost = 0
      const rate = ((home.limit - home.base) * 2) / lengthMs
      const held = (atMs) => {
        lost += rate * everyMs * (0.1 + 0.9 * load(atMs))
        return home.base + lost
      }
      return leaking(machine, { lengthMs: lengthMs * 1.5, home, onset: second, held })
    },
  },
  {
    name: 'leaks until it is killed, again and again',
    make(machine) {
      const { chance } = machine
      const home = household(chance)
      const service = machine.service()
      service.start(second)
      const runMs = chance.scale(40 * minute, 3 * hour)
      let from = 2 * second
      for (let n = 0; n < 6; n++) {
        const rate = ((home.limit - home.base) / runMs) * chance.between(0.9, 1.1)
        const tooth = teeth(chance, home.limit * 0.1, chance.scale(20 * second, 2 * minute))
        const held = (atMs) => home.base + rate * (atMs - from) + tooth(atMs - from)
        const endMs = live(service, {
          chance,
          from,
          until: from + 2 * runMs,
          everyMs: 10 * second,
          household: home,
          held,
        })
        service.oom(endMs)
        from = endMs + 2 * second
      }
      return { unit: service.name, kinds: ['memory'], fromMs: second, untilMs: from }
    },
  },
  {
    name: 'leaks by day and is restarted by night',
    make(machine) {
      const { chance } = machine
      const home = household(chance)
      const service = machine.service()
      service.start(second)
      const rate = (home.base * chance.between(0.4, 1.5)) / day
      for (let n = 0; n < 4; n++) {
        const from = n * day + 2 * second
        const tooth = teeth(chance, home.base * 0.2, chance.scale(minute, 20 * minute))
        const held = (atMs) => home.base + rate * (atMs - from) + tooth(atMs - from)
        live(service, {
          chance,
          from,
          until: from + day - minute,
          everyMs: 30 * second,
          household: home,
          held,
          hasLimit: false,
        })
        service.restart((n + 1) * day)
      }
      return { unit: service.name, kinds: ['memory'], fromMs: second, untilMs: 4 * day }
    },
  },
  {
    name: 'begins to leak after days of rest',
    make(machine) {
      const { chance } = machine
      const home = household(chance)
      const onset = chance.between(0.5, 4) * day
      const leakMs = chance.scale(4 * hour, 2 * day)
      const rate = (home.limit - home.base) / leakMs
      const tooth = teeth(chance, home.limit * 0.1, chance.scale(minute, 10 * minute))
      const held = (atMs) => home.base + rate * Math.max(atMs - onset, 0) + tooth(atMs)
      return leaking(machine, { lengthMs: onset + leakMs, home, onset, held })
    },
  },
  {
    name: 'leaks in the kernel or in shared memory while the page cache fills',
    make(machine) {
      const { chance } = machine
      const home = household(chance)
      const lengthMs = chance.scale(4 * hour, 2 * day)
      const service = machine.service()
      service.start(second)
      const inKernel = chance.next() < 0.5
      const rate = (home.limit - home.base) / lengthMs
      const everyMs = pace(lengthMs)
      let atMs = 2 * second
      for (; atMs < lengthMs; atMs += everyMs) {
        const lost = rate * atMs
        const own = home.base + Math.abs(chance.normal(0, home.noise))
        if (own + lost >= home.limit) break
        const file = Math.min(home.limit - own - lost, (atMs / hour) * 0.4 * home.limit)
        service.sample(atMs, {
          memoryCurrent: Math.round(own + lost + file),
          memoryMax: Math.round(home.limit),
          'memoryStat.anon': Math.round(own),
          'memoryStat.file': Math.round(file + (inKernel ? 0 : lost)),
          'memoryStat.kernel': Math.round(inKernel ? lost : 0),
          'memoryStat.shmem': Math.round(inKernel ? 0 : lost),
        })
      }
      return { unit: service.name, kinds: ['memory'], fromMs: second, untilMs: atMs }
    },
  },
  {
    name: 'leaks threads',
    make(machine) {
      const { chance } = machine
      const home = household(chance)
      const lengthMs = chance.scale(4 * hour, 2 * day)
      const service = machine.service()
      service.start(second)
      const tasksLimit = chance.whole(300, 4000)
      const some = chance.whole(5, 40)
      const lost = chance.poisson(0, 1.5 * lengthMs, lengthMs / (tasksLimit - some))
      const busy = chance.between(0, some / 2)
      let n = 0
      let atMs = 2 * second
      for (; atMs < 1.5 * lengthMs; atMs += pace(lengthMs)) {
        while (n < lost.length && lost[n] <= atMs) n++
        const tasks = some + n + busy * chance.next()
        if (tasks >= tasksLimit) break
        read(service, atMs, { held: home.base, limit: home.limit, cache: home.cache, tasks, tasksLimit })
      }
      return { unit: service.name, kinds: ['tasks'], fromMs: second, untilMs: atMs }
    },
  },
]

const negatives = [
  {
    name: 'a collector lets garbage grow and takes it back',
    make(machine) {
      const { chance } = machine
      const home = household(chance)
      const tooth = teeth(chance, home.limit * chance.between(0.2, 0.5), chance.scale(30 * second, 2 * hour))
      healthy(machine, { lengthMs: 2 * day, home, held: (atMs) => home.base + tooth(atMs) })
    },
  },
  {
    name: 'the page cache fills all that is allowed',
    make(machine) {
      const { chance } = machine
      const home = household(chance)
      const service = machine.service()
      service.start(second)
      const fullMs = chance.scale(10 * minute, 2 * day)
      for (let atMs = 2 * second; atMs < 2 * day; atMs += 30 * second)
        read(service, atMs, {
          held: home.base + Math.abs(chance.normal(0, home.noise)),
          limit: home.limit,
          cache: (home.limit * atMs) / fullMs,
        })
    },
  },
  {
    name: 'warms up along a curve that flattens',
    make(machine) {
      const { chance } = machine
      const home = household(chance)
      const more = home.limit * chance.between(0.2, 0.5)
      const tauMs = chance.scale(minute, 3 * hour)
      const log = chance.next() < 0.5
      const held = (atMs) =>
        home.base +
        (log ? (more * Math.log1p(atMs / tauMs)) / Math.log1p((2 * day) / tauMs) : more * (1 - Math.exp(-atMs / tauMs)))
      healthy(machine, { lengthMs: 2 * day, home, held })
    },
  },
  {
    name: 'follows the load of the day',
    make(machine) {
      const { chance, startMs } = machine
      const home = household(chance)
      const load = dayLoad(chance, startMs + chance.whole(0, 23) * hour)
      const swing = home.limit * chance.between(0.1, 0.45)
      healthy(machine, {
        lengthMs: chance.between(3, 12) * day,
        home,
        held: (atMs) => home.base + swing * load(atMs),
        hasLimit: chance.next() < 0.7,
      })
    },
  },
  {
    name: 'a wave of deployments, each with its warm-up',
    make(machine) {
      const { chance } = machine
      const wave = chance.scale(30 * minute, 6 * hour)
      for (let n = 0; n < 5; n++) {
        const service = machine.service(`web-${n}.service`)
        const home = household(chance)
        service.start(second)
        const more = home.limit * chance.between(0.1, 0.4)
        const tauMs = wave * chance.between(0.05, 0.7)
        let from = 2 * second
        for (let k = 0; k < 6; k++) {
          const until = (k + 1) * wave + n * minute
          const held = (atMs) => home.base + more * (1 - Math.exp(-(atMs - from) / tauMs))
          live(service, { chance, from, until, everyMs: pace(wave), household: home, held })
          machine.reload(until)
          service.restart(until + second)
          from = until + 2 * second
        }
      }
    },
  },
  {
    name: 'a neighbour takes memory from all, and gives it back',
    make(machine) {
      const { chance } = machine
      const lengthMs = chance.scale(6 * hour, 2 * day)
      const takenAt = lengthMs * chance.between(0.2, 0.4)
      const backAt = lengthMs * chance.between(0.4, 0.6)
      const backMs = chance.scale(10 * minute, lengthMs / 3)
      for (let n = 0; n < 5; n++) {
        const service = machine.service(`db-${n}.service`)
        const home = household(chance)
        service.start(second)
        const share = chance.between(0.2, 0.6)
        const held = (atMs) => {
          const taken = Math.min(Math.max((atMs - takenAt) / (10 * minute), 0), 1)
          const back = Math.min(Math.max((atMs - backAt) / backMs, 0), 1)
          return home.base * 2 * (1 - share * (taken - back))
        }
        live(service, { chance, from: 2 * second, until: lengthMs, everyMs: 30 * second, household: home, held })
      }
    },
  },
  {
    name: 'a heap grows to its own limit and stays there',
    make(machine) {
      const { chance } = machine
      const home = household(chance)
      const most = home.limit * chance.between(0.3, 0.5)
      const fullMs = chance.scale(2 * minute, 2 * hour)
      const steps = chance.whole(4, 60)
      const held = (atMs) => {
        const share = Math.min(atMs / fullMs, 1)
        return home.base + most * (Math.floor(share * steps) / steps)
      }
      healthy(machine, { lengthMs: 2 * day, home, held })
    },
  },
  {
    name: 'walks by chance',
    make(machine) {
      const { chance } = machine
      const home = household(chance)
      const lengthMs = 7 * day
      const stride = home.limit * chance.scale(0.0005, 0.005)
      let now = home.limit * 0.4
      const held = () => {
        now += chance.normal(0, stride)
        if (now < home.base) now = 2 * home.base - now
        if (now > home.limit * 0.9) now = 1.8 * home.limit - now
        return now
      }
      healthy(machine, { lengthMs, home, held })
    },
  },
  {
    name: 'a cache of its own fills for hours, and is full',
    make(machine) {
      const { chance, startMs } = machine
      const home = household(chance)
      const more = home.limit * chance.between(0.2, 0.5)
      const load = dayLoad(chance, startMs)
      const fillMs = chance.scale(hour, 8 * hour)
      let filled = 0
      const everyMs = pace(3 * day)
      const held = (atMs) => {
        // What is asked for is often there already: the fuller, the slower.
        filled += ((1 - filled) * everyMs * (0.3 + load(atMs))) / fillMs
        return home.base + more * filled
      }
      healthy(machine, { lengthMs: 3 * day, home, held })
    },
  },
  {
    name: 'a job of hours takes memory and gives it back, day after day',
    make(machine) {
      const { chance } = machine
      const home = household(chance)
      const jobMs = chance.scale(30 * minute, 6 * hour)
      const at = chance.between(1, 12) * hour
      const more = home.limit * chance.between(0.1, 0.5)
      const held = (atMs) => {
        const inJob = (atMs % day) - at
        return home.base + (inJob > 0 && inJob < jobMs ? more * (inJob / jobMs) ** 0.7 : 0)
      }
      healthy(machine, { lengthMs: 4 * day, home, held })
    },
  },
  {
    name: 'threads follow the load, up to the size of their pool',
    make(machine) {
      const { chance, startMs } = machine
      const home = household(chance)
      const service = machine.service()
      service.start(second)
      const load = dayLoad(chance, startMs)
      const pool = chance.whole(30, 500)
      for (let atMs = 2 * second; atMs < 4 * day; atMs += minute)
        read(service, atMs, {
          held: home.base,
          limit: home.limit,
          cache: home.cache,
          tasks: 5 + pool * Math.min(1, load(atMs) * 1.5 + 0.05 * chance.next()),
          tasksLimit: 1000,
        })
    },
  },
]

/** @type {import('../kind.d.mts').Kind} */
export default {
  id: 'memory_leak',
  bars: { precision: 0.98, recall: 0.95 },
  config: { host_memory: '32GiB' },
  families: [...positives, ...negatives],
  baseline: {
    name: 'predict_linear(usage[1h], 4h) > limit',
    /** As alert rules have it: of memory.current, over the last hour, by least squares. */
    find: (machine) => machine.services.flatMap(({ name, samples }) => linearRule(name, samples)),
  },
}

/** Least squares over the last hour, looked at each minute; one alarm per service is enough. */
function linearRule(unit, samples) {
  let [from, n, sx, sy, sxx, sxy] = [0, 0, 0, 0, 0, 0]
  let lookedAt = 0
  for (const [atMs, { memoryCurrent = 0, memoryMax = 32 * 1024 * mib }] of samples) {
    const add = ([ms, fields], sign) => {
      const [x, y] = [ms / hour, fields.memoryCurrent ?? 0]
      n += sign
      sx += sign * x
      sy += sign * y
      sxx += sign * x * x
      sxy += sign * x * y
    }
    add([atMs, { memoryCurrent }], 1)
    while (samples[from][0] < atMs - hour) add(samples[from++], -1)
    if (atMs < hour || atMs - lookedAt < minute) continue
    lookedAt = atMs
    const spread = n * sxx - sx * sx
    if (spread <= 0) continue
    const slope = (n * sxy - sx * sy) / spread
    const then = (sy - slope * sx) / n + slope * (atMs / hour + 4)
    if (then > memoryMax) return [{ unit, kind: 'memory', atMs }]
  }
  return []
}
