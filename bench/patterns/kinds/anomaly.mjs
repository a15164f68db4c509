import { diurnal, failures, isWeekend, lives } from '../healthy.mjs'
import { day, hour, minute, second, week } from '../machine.mjs'

const MiB = 2 ** 20
/** Readings are five minutes apart: a story of days stays short, and the detector looks no closer. */
const kEveryMs = 5 * minute
const kLateMs = 90 * minute
const kDuration = 6 * day

/** Counters of a cgroup go on from reading to reading. */
class Reader {
  #cpuUsec = 0
  #waitedUsec = 0

  constructor(service) {
    this.service = service
  }

  /** @param {number} atMs @param {import('../healthy.mjs').Use} use */
  read(atMs, { cpu, memory, tasks, pressure }) {
    this.#cpuUsec += cpu * kEveryMs * 1000
    this.#waitedUsec += pressure * kEveryMs * 1000
    this.service.sample(atMs, {
      cpuUserUsec: Math.round(this.#cpuUsec * 0.8),
      cpuSystemUsec: Math.round(this.#cpuUsec * 0.2),
      memoryCurrent: Math.round(memory * 1.5),
      'memoryStat.anon': Math.round(memory),
      'memoryStat.file': Math.round(memory * 0.5),
      pidsCurrent: tasks,
      'cpuPressure.someTotal': Math.round(this.#waitedUsec),
    })
  }

  restarted() {
    this.#cpuUsec = 0
    this.#waitedUsec = 0
  }
}

const lifeOf = (name, { chance, weekday }) => lives.find(([one]) => one === name)[1](chance, weekday)
const same = (use) => use

/** Lives, and from `fromMs` on otherwise. Failures come by chance as they do. */
function live(
  machine,
  life,
  { lengthMs = kDuration, fromMs = lengthMs, untilMs = lengthMs, change = same, fails = [] } = {},
) {
  const service = machine.service()
  const reader = new Reader(service)
  service.start(second, machine.chance.between(50, 800))
  let next = 0
  for (let atMs = kEveryMs; atMs < lengthMs; atMs += kEveryMs) {
    for (; fails[next] < atMs; next++) {
      service.crash(fails[next], machine.chance.between(100, 2000))
      reader.restarted()
    }
    const use = life(atMs)
    reader.read(atMs, atMs >= fromMs && atMs < untilMs ? change(use, atMs) : use)
  }
  machine.until(lengthMs)
  return service
}

/** Something is wrong from then on, at an hour of the day in which it shows. */
function goesWrong(machine, life, change, { fromHour = 0, toHour = 24, lastsMs = 6 * hour } = {}) {
  const { chance } = machine
  const fromMs = chance.whole(3, 4) * day + chance.between(fromHour, toHour) * hour
  const lengthMs = fromMs + lastsMs
  const service = live(machine, life, { lengthMs, fromMs, change, fails: [] })
  return { unit: service.name, fromMs, untilMs: fromMs + kLateMs }
}

/** Works by day, and on weekends next to nothing. */
function office({ chance, weekday }) {
  const peak = chance.between(0.5, 4)
  const weekend = chance.between(0.03, 0.1)
  const memory = chance.scale(50 * MiB, 2048 * MiB)
  return (atMs) => {
    const load = diurnal(atMs, 4) * (isWeekend(atMs, weekday) ? weekend : 1) * Math.exp(chance.normal(0, 0.2))
    return {
      cpu: peak * load,
      memory: memory * (0.9 + 0.1 * load),
      io: 1e6 * peak * load,
      tasks: Math.round(10 + 20 * load),
      pressure: 0.02 * load,
    }
  }
}

/** Runs of a job that a timer starts: nobody has asked for them. Each takes as long as it does. */
function runs(machine, count, { start = () => 50, stop = () => 0, memory }, fromMs = minute) {
  const { chance } = machine
  const service = machine.service()
  let atMs = fromMs
  for (let n = 0; n < count; n++) {
    const tookMs = start()
    service.start(atMs, tookMs)
    const endMs = atMs + tookMs + chance.between(0.5, 2) * hour
    if (memory !== undefined) service.sample(endMs - second, { 'memoryStat.anon': Math.round(memory()) })
    service.end(endMs, stop())
    atMs = endMs + chance.between(3, 28) * hour
  }
  return atMs
}

/** Two weeks of runs, and one that is not like them. */
function oddRun(machine, usual, odd) {
  const fromMs = runs(machine, machine.chance.whole(12, 24), usual)
  const lengthMs = runs(machine, 1, { ...usual, ...odd }, fromMs)
  machine.until(lengthMs)
  return { unit: machine.service().name, fromMs, untilMs: lengthMs }
}

const serving = ['serves by day', 'serves on work days', 'wanders', 'collects garbage']

/** @type {import('../kind.d.mts').Family[]} */
const positives = [
  {
    name: 'burns CPU: a loop that never ends',
    make(machine) {
      const cores = machine.chance.between(0.9, 1.1)
      return goesWrong(
        machine,
        lifeOf(machine.chance.one(['idle', 'a job each hour', 'fills its cache']), machine),
        (use) => ({ ...use, cpu: use.cpu + cores }),
      )
    },
  },
  {
    name: 'takes far more memory than ever',
    make(machine) {
      const times = machine.chance.between(2.5, 4)
      return goesWrong(machine, lifeOf(machine.chance.one(serving), machine), (use) => ({
        ...use,
        memory: use.memory * times,
      }))
    },
  },
  {
    name: 'hangs in the middle of the day',
    make(machine) {
      return goesWrong(
        machine,
        lifeOf('serves by day', machine),
        (use) => ({ ...use, cpu: 0.0005, io: 0, pressure: 0 }),
        { fromHour: 11, toHour: 18 },
      )
    },
  },
  {
    name: 'its processes pile up',
    make(machine) {
      const times = machine.chance.between(4, 8)
      return goesWrong(machine, lifeOf(machine.chance.one(serving), machine), (use) => ({
        ...use,
        tasks: Math.round(use.tasks * times + 30),
      }))
    },
  },
  {
    name: 'waits: a disk or a neighbour is in its way',
    make(machine) {
      const share = machine.chance.between(0.4, 0.8)
      return goesWrong(machine, lifeOf(machine.chance.one(serving), machine), (use) => ({
        ...use,
        pressure: share,
      }))
    },
  },
  {
    name: 'the load of the day at night',
    make(machine) {
      const life = lifeOf('serves by day', machine)
      return goesWrong(machine, life, (use) => ({ ...use, cpu: use.cpu * 8 + 0.3, io: use.io * 8 }), {
        fromHour: 3,
        toHour: 5,
        lastsMs: 3 * hour,
      })
    },
  },
  {
    name: 'a Monday on which nobody works',
    make(machine) {
      const life = office(machine)
      const fromMs = 4 * week + ((7 - machine.weekday) % 7) * day + 9 * hour
      const sunday = new Map()
      const lived = (atMs) => {
        const use = life(atMs)
        if (atMs >= fromMs - day && atMs < fromMs) sunday.set(atMs + day, use)
        return use
      }
      const service = live(machine, lived, {
        lengthMs: fromMs + 6 * hour,
        fromMs,
        change: (use, atMs) => sunday.get(atMs) ?? use,
      })
      return { unit: service.name, fromMs, untilMs: fromMs + 3 * hour }
    },
  },
  {
    name: 'fails many times as often as it used to',
    make(machine) {
      const { chance } = machine
      const meanMs = chance.between(3, 7) * day
      const fromMs = 14 * day
      const before = chance.poisson(hour, fromMs, meanMs)
      const after = []
      for (let atMs = fromMs; after.length < 12; atMs += chance.between(20 * minute, 3 * hour)) after.push(atMs)
      const lengthMs = after.at(-1) + hour
      const service = live(machine, lifeOf('idle', machine), { lengthMs, fails: [...before, ...after] })
      return { unit: service.name, fromMs: after[2], untilMs: after.at(-1) + 1 }
    },
  },
  {
    name: 'takes far longer to start',
    make(machine) {
      const { chance } = machine
      const usual = chance.scale(0.2, 5) * second
      const start = () => usual * Math.exp(chance.normal(0, 0.1))
      return oddRun(machine, { start }, { start: () => Math.max(usual * chance.between(8, 20), usual + 5 * second) })
    },
  },
  {
    name: 'takes far longer to stop',
    make(machine) {
      const { chance } = machine
      const usual = chance.scale(0.05, 10) * second
      const stop = () => usual * Math.exp(chance.normal(0, 0.25))
      return oddRun(machine, { stop }, { stop: () => Math.max(usual * chance.between(10, 30), usual + 5 * second) })
    },
  },
  {
    name: 'ends with far more memory than its other runs',
    make(machine) {
      const { chance } = machine
      const usual = chance.scale(20, 500) * MiB
      const memory = () => usual * Math.exp(chance.normal(0, 0.2))
      return oddRun(machine, { memory }, { memory: () => usual * chance.between(8, 20) })
    },
  },
]

/** @type {import('../kind.d.mts').Family[]} */
const negatives = [
  ...lives.map(([name]) => ({
    name: `healthy: ${name}`,
    make(machine) {
      live(machine, lifeOf(name, machine), { fails: failures(machine.chance, kDuration) })
    },
  })),
  {
    name: 'healthy: has weekends off, and Mondays it works again',
    make(machine) {
      live(machine, office(machine), { lengthMs: 4 * week })
    },
  },
  {
    name: 'healthy: starts and stops as long as it likes',
    make(machine) {
      const { chance } = machine
      const spread = chance.scale(0.1, 0.8)
      const any = (of) => () => of * Math.exp(chance.normal(0, spread))
      const memory = any(chance.scale(20, 500) * MiB)
      runs(machine, 60, { start: any(2 * second), stop: any(chance.scale(0.1, 10) * second), memory })
    },
  },
  {
    name: 'healthy: each fifth start finds the disk cold',
    make(machine) {
      const { chance } = machine
      const cold = chance.between(3, 20)
      const share = chance.between(0.15, 0.3)
      const start = () => second * (chance.next() < share ? cold : 1) * Math.exp(chance.normal(0, 0.15))
      runs(machine, 60, { start })
    },
  },
  {
    name: 'healthy: its jobs are as large as what there is to do',
    make(machine) {
      const { chance } = machine
      const base = chance.scale(20, 100) * MiB
      runs(machine, 60, {
        memory: () => base + chance.exponential(300 * MiB),
        stop: () => chance.exponential(8 * second),
      })
    },
  },
  {
    name: 'a new version needs half as much memory again',
    make(machine) {
      const { chance } = machine
      const service = machine.service()
      const reader = new Reader(service)
      const life = lifeOf('serves by day', machine)
      const atDeploy = 3 * day + chance.between(8, 18) * hour
      service.start(second)
      let isNew = false
      for (let atMs = kEveryMs; atMs < kDuration; atMs += kEveryMs) {
        if (!isNew && atMs >= atDeploy) {
          isNew = true
          machine.reload(atDeploy)
          service.restart(atDeploy + 3 * second, 900)
          reader.restarted()
        }
        const use = life(atMs)
        reader.read(atMs, isNew ? { ...use, memory: use.memory * 1.5, cpu: use.cpu * 1.3 } : use)
      }
    },
  },
  {
    name: 'a spike that is over at once',
    make(machine) {
      const fromMs = 3 * day + machine.chance.between(0, 24) * hour
      live(machine, lifeOf('serves by day', machine), {
        fromMs,
        untilMs: fromMs + kEveryMs,
        change: (use) => ({ ...use, cpu: use.cpu + 1 }),
      })
    },
  },
]

/** @type {import('../kind.d.mts').Kind} */
export default {
  id: 'anomaly',
  bars: { precision: 0.95, recall: 0.9 },
  startsOnAnyDay: true,
  families: [...positives, ...negatives],
}
