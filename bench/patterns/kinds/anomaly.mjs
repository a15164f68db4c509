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

const lifeOf = (name, chance) => lives.find(([one]) => one === name)[1](chance)
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

/** The story begins on a Tuesday. */
const kMonday = 6 * day

/** Works by day, and on weekends next to nothing. */
function office(chance) {
  const peak = chance.between(0.5, 4)
  const weekend = chance.between(0.03, 0.1)
  const memory = chance.scale(50 * MiB, 2048 * MiB)
  return (atMs) => {
    const load = diurnal(atMs, 4) * (isWeekend(atMs) ? weekend : 1) * Math.exp(chance.normal(0, 0.2))
    return {
      cpu: peak * load,
      memory: memory * (0.9 + 0.1 * load),
      io: 1e6 * peak * load,
      tasks: Math.round(10 + 20 * load),
      pressure: 0.02 * load,
    }
  }
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
        lifeOf(machine.chance.one(['idle', 'a job each hour', 'fills its cache']), machine.chance),
        (use) => ({ ...use, cpu: use.cpu + cores }),
      )
    },
  },
  {
    name: 'takes far more memory than ever',
    make(machine) {
      const times = machine.chance.between(2.5, 4)
      return goesWrong(machine, lifeOf(machine.chance.one(serving), machine.chance), (use) => ({
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
        lifeOf('serves by day', machine.chance),
        (use) => ({ ...use, cpu: 0.0005, io: 0, pressure: 0 }),
        { fromHour: 11, toHour: 18 },
      )
    },
  },
  {
    name: 'its processes pile up',
    make(machine) {
      const times = machine.chance.between(4, 8)
      return goesWrong(machine, lifeOf(machine.chance.one(serving), machine.chance), (use) => ({
        ...use,
        tasks: Math.round(use.tasks * times + 30),
      }))
    },
  },
  {
    name: 'waits: a disk or a neighbour is in its way',
    make(machine) {
      const share = machine.chance.between(0.4, 0.8)
      return goesWrong(machine, lifeOf(machine.chance.one(serving), machine.chance), (use) => ({
        ...use,
        pressure: share,
      }))
    },
  },
  {
    name: 'the load of the day at night',
    make(machine) {
      const life = lifeOf('serves by day', machine.chance)
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
      const life = office(machine.chance)
      const fromMs = 4 * week + kMonday + 9 * hour
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
      const service = live(machine, lifeOf('idle', chance), { lengthMs, fails: [...before, ...after] })
      return { unit: service.name, fromMs: after[2], untilMs: after.at(-1) + 1 }
    },
  },
  {
    name: 'takes far longer to start',
    make(machine) {
      const { chance } = machine
      const service = machine.service()
      const usual = chance.scale(0.2, 5) * second
      let atMs = minute
      // A job of a timer: nobody has asked for it.
      for (let n = 0; n < 12; n++) {
        service.start(atMs, usual * Math.exp(chance.normal(0, 0.1)))
        atMs += chance.between(3, 30) * hour
        service.end(atMs - hour)
      }
      const took = Math.max(usual * chance.between(8, 20), usual + 5 * second)
      service.start(atMs, took)
      machine.until(atMs + took + hour)
      return { unit: service.name, fromMs: atMs + took, untilMs: atMs + took + minute }
    },
  },
]

/** @type {import('../kind.d.mts').Family[]} */
const negatives = [
  ...lives.map(([name]) => ({
    name: `healthy: ${name}`,
    make(machine) {
      live(machine, lifeOf(name, machine.chance), { fails: failures(machine.chance, kDuration) })
    },
  })),
  {
    name: 'healthy: has weekends off, and Mondays it works again',
    make(machine) {
      live(machine, office(machine.chance), { lengthMs: 4 * week })
    },
  },
  {
    name: 'a new version needs half as much memory again',
    make(machine) {
      const { chance } = machine
      const service = machine.service()
      const reader = new Reader(service)
      const life = lifeOf('serves by day', chance)
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
      live(machine, lifeOf('serves by day', machine.chance), {
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
  families: [...positives, ...negatives],
}
