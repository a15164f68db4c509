import { day, hour, minute, second } from '../machine.mjs'

/** A service that has run for a while. */
function running(machine, name) {
  const service = machine.service(name)
  service.start(second)
  return service
}

/**
 * Crashes, `gapMs(n)` from each restart to the next crash and `waitMs(n)` until it is begun again. What is to be found: the loop,
 * from its `provenAt`th crash on, and in time: before `inTime` more.
 */
function loop(
  machine,
  { atMs, crashes, runMs, waitMs = () => 100, provenAt = 3, inTime = 5, kinds, service = running(machine) },
) {
  const times = []
  for (let n = 0; n < crashes; n++) {
    service.crash(atMs, waitMs(n))
    times.push(atMs)
    atMs += waitMs(n) + runMs(n)
  }
  machine.until(atMs + hour)
  const last = times[Math.min(provenAt + inTime - 1, times.length - 1)]
  return { unit: service.name, fromMs: times[provenAt - 1], untilMs: last, ...(kinds === undefined ? {} : { kinds }) }
}

/** @type {import('../kind.d.mts').Family[]} */
const loops = [
  {
    name: 'dies soon after each start',
    make(machine) {
      const { chance } = machine
      return loop(machine, {
        atMs: chance.between(10 * second, hour),
        crashes: chance.whole(6, 20),
        runMs: () => chance.between(0.2 * second, 20 * second),
        kinds: ['rapid'],
      })
    },
  },
  {
    name: 'dies at once, five starts in a second, and systemd gives up',
    make(machine) {
      const { chance } = machine
      const service = running(machine)
      const startMs = chance.between(hour, 2 * hour)
      const times = [startMs]
      while (times.length < 5) times.push(times.at(-1) + chance.between(105, 180))
      for (const atMs of times.slice(0, 4)) service.crash(atMs, 100)
      service.fail(times[4])
      service.giveUp(times[4] + 100)
      machine.until(startMs + hour)
      return { unit: service.name, fromMs: times[2], untilMs: times[3] }
    },
  },
  {
    name: 'a start limit of two',
    make(machine) {
      const service = running(machine)
      const atMs = machine.chance.between(hour, 2 * hour)
      service.crash(atMs, 100)
      service.fail(atMs + second)
      service.giveUp(atMs + 1.1 * second)
      machine.until(atMs + hour)
      return { unit: service.name, kinds: ['start_limit'], fromMs: atMs + 1.1 * second, untilMs: atMs + 2 * second }
    },
  },
  {
    name: 'fails each start for want of something, half a minute to two apart',
    make(machine) {
      const { chance } = machine
      const pauseMs = chance.between(35 * second, 110 * second)
      return loop(machine, {
        atMs: chance.between(minute, hour),
        crashes: chance.whole(8, 20),
        runMs: () => pauseMs * chance.between(0.9, 1.1),
        kinds: ['consecutive_failures'],
      })
    },
  },
  {
    name: 'looks healthy, and is down again (flaps)',
    make(machine) {
      const { chance } = machine
      return loop(machine, {
        atMs: chance.between(hour, 3 * hour),
        crashes: chance.whole(8, 20),
        runMs: () => chance.between(40 * second, 130 * second),
        kinds: ['consecutive_failures'],
      })
    },
  },
  {
    name: 'waiting times grow, as RestartSteps= has it',
    make(machine) {
      const { chance } = machine
      const [factor, first] = [chance.between(1.5, 2.5), chance.between(1, 5) * second]
      return loop(machine, {
        atMs: chance.between(minute, hour),
        crashes: 9,
        runMs: () => chance.between(0.1 * second, 3 * second),
        waitMs: (n) => Math.min(first * factor ** n, 5 * minute),
      })
    },
  },
  {
    name: 'waiting times grow, too long for the window from the first on',
    make(machine) {
      const { chance } = machine
      const [factor, first] = [chance.between(1.4, 2), chance.between(2.5, 4) * minute]
      return loop(machine, {
        atMs: chance.between(minute, hour),
        crashes: 7,
        provenAt: 4,
        runMs: () => chance.between(0.1 * second, 5 * second),
        waitMs: (n) => Math.min(first * factor ** n, 25 * minute),
        kinds: ['escalating'],
      })
    },
  },
  {
    name: 'slowly and regularly, three to twenty-five minutes apart',
    make(machine) {
      const { chance } = machine
      const [everyMs, jitter] = [chance.scale(3 * minute, 25 * minute), chance.between(0.01, 0.2)]
      return loop(machine, {
        atMs: chance.between(minute, hour),
        crashes: chance.whole(9, 20),
        provenAt: 4,
        runMs: () => everyMs * (1 + chance.between(-jitter, jitter)),
        kinds: ['slow'],
      })
    },
  },
  {
    name: 'slowly, and less regularly',
    make(machine) {
      const { chance } = machine
      const everyMs = chance.scale(5 * minute, 18 * minute)
      return loop(machine, {
        atMs: chance.between(minute, hour),
        crashes: chance.whole(14, 20),
        provenAt: 4,
        runMs: () => Math.max(everyMs * (1 + chance.normal(0, 0.25)), everyMs / 3),
      })
    },
  },
  {
    name: 'looks healthy for minutes, and is down again without any order (flaps)',
    make(machine) {
      const { chance } = machine
      return loop(machine, {
        atMs: chance.between(hour, 3 * hour),
        crashes: 16,
        inTime: 13, // without any order nobody knows when it is plain
        runMs: () => minute + Math.min(chance.exponential(5 * minute), 25 * minute),
      })
    },
  },
  {
    name: 'a deployment whose version crashes from its start on',
    make(machine) {
      const { chance } = machine
      const service = running(machine)
      const atMs = chance.between(hour, 2 * hour)
      machine.reload(atMs)
      service.restart(atMs + second)
      return loop(machine, {
        service,
        atMs: atMs + 2 * second + chance.between(0, 5 * second),
        crashes: chance.whole(6, 12),
        runMs: () => chance.between(0.2 * second, 15 * second),
        kinds: ['rapid'],
      })
    },
  },
  {
    name: 'ends in order at once, and is begun again each time',
    make(machine) {
      const { chance } = machine
      const service = running(machine)
      const times = []
      let atMs = chance.between(hour, 2 * hour)
      for (let n = 0; n < 12; n++) {
        service.cycle(atMs)
        times.push(atMs)
        atMs += 100 + chance.between(0.1 * second, 10 * second)
      }
      machine.until(atMs + hour)
      return { unit: service.name, kinds: ['rapid'], fromMs: times[2], untilMs: times[6] }
    },
  },
]

/** @type {import('../kind.d.mts').Family[]} */
const noLoops = [
  {
    name: 'crashes now and then by chance, three in a day',
    make(machine) {
      const service = running(machine)
      for (const atMs of machine.chance.poisson(minute, 2 * day, 8 * hour)) service.crash(atMs)
      machine.until(2 * day)
    },
  },
  {
    name: 'crashes by chance, six in a day',
    make(machine) {
      const service = running(machine)
      for (const atMs of machine.chance.poisson(minute, 2 * day, 4 * hour)) service.crash(atMs)
      machine.until(2 * day)
    },
  },
  {
    name: 'restarted by hand, again and again',
    make(machine) {
      const service = running(machine)
      let atMs = minute
      for (let n = 0; n < 20; n++) {
        service.restart(atMs)
        atMs += machine.chance.between(5 * second, minute)
      }
      machine.until(atMs + hour)
    },
  },
  {
    name: 'a worker that ends in order after its work, and is begun anew',
    make(machine) {
      const { chance } = machine
      const service = running(machine)
      const everyMs = chance.scale(minute, hour)
      for (let atMs = everyMs; atMs < 12 * hour; atMs += everyMs * chance.between(0.9, 1.1)) service.cycle(atMs)
      machine.until(13 * hour)
    },
  },
  {
    name: 'a job of a timer that ends, every one to ten minutes',
    make(machine) {
      const { chance } = machine
      const service = machine.service('job.service')
      const everyMs = chance.between(1, 10) * minute
      for (let atMs = minute; atMs < 12 * hour; atMs += everyMs) {
        service.start(atMs)
        service.end(atMs + chance.between(second, 30 * second))
      }
      machine.until(12 * hour)
    },
  },
  {
    name: 'a job of a timer that fails each time',
    make(machine) {
      const { chance } = machine
      const service = machine.service('job.service')
      const everyMs = chance.between(5, 30) * minute
      for (let atMs = minute; atMs < 12 * hour; atMs += everyMs) {
        service.start(atMs)
        service.fail(atMs + chance.between(second, 30 * second))
      }
      machine.until(12 * hour)
    },
  },
  {
    name: 'a wave of deployments: each stops in failure, and fails once before it runs',
    make(machine) {
      const { chance } = machine
      const services = Array.from({ length: 5 }, (_, n) => running(machine, `part${n}.service`))
      let atMs = hour
      for (let wave = 0; wave < chance.whole(3, 8); wave++) {
        machine.reload(atMs)
        for (const service of services) {
          const startMs = atMs + chance.between(second, 10 * second)
          service.fail(startMs, { code: 143, verdict: 'stopped_by_operator' })
          service.restart(startMs + 100)
          if (chance.next() < 0.7) service.crash(startMs + chance.between(second, 20 * second), 5 * second)
        }
        atMs += chance.between(40 * second, 2 * minute)
      }
      machine.until(atMs + hour)
    },
  },
  {
    name: 'stopped, changed and started by hand, with a failure each time',
    make(machine) {
      const { chance } = machine
      const service = running(machine)
      let atMs = hour
      for (let n = 0; n < 6; n++) {
        service.stop(atMs)
        service.start(atMs + 10 * second)
        service.fail(atMs + chance.between(11, 30) * second)
        atMs += chance.between(35, 70) * second
      }
      machine.until(atMs + hour)
    },
  },
  {
    name: 'reboots, in each of which it fails a few times before what it needs is there',
    make(machine) {
      const { chance } = machine
      const service = machine.service()
      for (let n = 0; n < 3; n++) {
        const bootMs = n * chance.between(1, 6) * hour + hour
        machine.gap(bootMs + 5 * second, 'reboot', bootMs - minute)
        service.start(bootMs + 6 * second)
        let atMs = bootMs + 7 * second
        for (let crash = 0; crash < chance.whole(2, 6); crash++) {
          service.crash(atMs, second)
          atMs += second + chance.between(second, 10 * second)
        }
      }
      machine.until(day)
    },
  },
  {
    name: 'nobody watched for hours, and systemd has counted restarts',
    make(machine) {
      const { chance, parts } = machine
      const service = running(machine)
      const awayMs = chance.between(2, 12) * hour
      machine.gap(hour + awayMs, chance.one(['agent_restart', 'bus_lost']), hour)
      machine.add(hour + awayMs, {
        events: [
          {
            timeUnixNano: machine.unixNano(hour + awayMs),
            observedTimeUnixNano: machine.unixNano(hour + awayMs),
            name: parts.event.restarting,
            severity: parts.Severity.warn,
            body: '',
            attributes: {
              [parts.attr.unit]: service.name,
              [parts.attr.invocationId]: service.run,
              [parts.attr.restartCause]: 'auto',
              [parts.attr.result]: 'exit-code',
              [parts.attr.synthetic]: true,
              [parts.attr.evidence]: ['state', 'timestamps', 'n_restarts'],
              [parts.attr.missedRestarts]: chance.whole(2, 20),
            },
            resource: service.resource,
          },
        ],
      })
      service.crash(hour + awayMs + chance.between(second, 4 * minute))
      machine.until(day)
    },
  },
  {
    name: 'one bad morning: a crash, and another one soon after',
    make(machine) {
      const { chance } = machine
      const service = running(machine)
      for (let atMs = 2 * hour; atMs < 7 * day; atMs += chance.between(20, 28) * hour) {
        service.crash(atMs)
        service.crash(atMs + chance.between(10 * second, 10 * minute))
      }
      machine.until(7 * day)
    },
  },
  {
    name: 'restarted each night by a job of cron, and it does not like to stop',
    make(machine) {
      const { chance } = machine
      const service = running(machine)
      for (let atMs = 3 * hour; atMs < 7 * day; atMs += day) {
        const stopMs = atMs + chance.between(0, minute)
        service.fail(stopMs, { result: 'timeout', code: 1, verdict: 'stopped_by_operator' })
        service.restart(stopMs + second)
      }
      machine.until(7 * day)
    },
  },
]

/** @type {import('../kind.d.mts').Kind} */
export default {
  id: 'crash_loop',
  bars: { precision: 0.98, recall: 0.95 },
  families: [...loops, ...noLoops],
  baseline: {
    name: 'rate of restarts over 15 min > 3',
    find: (machine) =>
      machine.services.flatMap(({ name, failures }) => {
        const at = failures.findIndex((atMs, n) => n >= 3 && atMs - failures[n - 3] < 15 * minute)
        return at < 0 ? [] : [{ unit: name, kind: 'rule', atMs: failures[at] }]
      }),
  },
}
