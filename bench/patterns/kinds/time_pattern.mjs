import { day, hour, kStartMs, minute, second, week } from '../machine.mjs'

const kUnit = 'web.service'
/** Berlin is an hour before UTC, and two from 2026-03-29 on: in the fourth week of the stories. */
const kZone = 'Europe/Berlin'
const dstMs = Date.UTC(2026, 2, 29, 1) - kStartMs
/** The start is a Tuesday, 01:00 in Berlin. From local time of a day to the story's. */
const local = (days, hours) => {
  const atMs = days * day + hours * hour - hour
  return atMs >= dstMs + hour ? atMs - hour : atMs
}
/** With so many at hand somebody who knows the truth could tell. */
const kKnownAt = 4

/** Crashes of a unit that runs all the time. */
function crashes(machine, times, lengthMs) {
  const service = machine.service(kUnit)
  service.start(0)
  let last = 0
  for (const at of [...times].sort((a, b) => a - b)) {
    // Nearer is a crash loop.
    if (at - last < minute || at > lengthMs) continue
    service.crash(at)
    last = at
  }
  machine.until(lengthMs)
}

const expected = (kinds, times, lengthMs) => ({ unit: kUnit, kinds, fromMs: times[kKnownAt - 1], untilMs: lengthMs })

/** A job of a timer, at `times`. */
function job(machine, name, times, runsMs = 20 * second) {
  const service = machine.service(name)
  for (const at of times) {
    service.start(at)
    service.end(at + runsMs)
  }
}

function cron(machine, command, times) {
  const { attr, Severity } = machine.parts
  for (const at of times)
    machine.add(at, {
      events: [
        {
          timeUnixNano: machine.unixNano(at),
          observedTimeUnixNano: machine.unixNano(at),
          name: '',
          severity: Severity.info,
          body: `(root) CMD (${command})`,
          attributes: { [attr.journalIdentifier]: 'CRON' },
          resource: machine.service('cron.service').resource,
        },
      ],
    })
}

const every = (periodMs, lengthMs, fromMs = 0) =>
  Array.from({ length: Math.floor((lengthMs - fromMs) / periodMs) }, (_, n) => fromMs + (n + 1) * periodMs)

/** Timers as a host has them: each quarter, each hour, each night, each week; a little off. */
function timers(machine, lengthMs, count = 12) {
  const { chance } = machine
  for (let n = 0; n < count; n++) {
    const periodMs = chance.one([15 * minute, hour, hour, 6 * hour, day, day, week])
    const wobbleMs = chance.one([0, minute])
    const times = every(periodMs, lengthMs, chance.between(0, periodMs)).map((at) => at + chance.between(0, wobbleMs))
    job(machine, `timer-${n}.service`, times, chance.between(1, 300) * second)
  }
}

/** In a window of the local day, on some days. */
function windowTimes({ chance }, days, fromHour, hours, part) {
  const times = []
  for (let d = 1; d < days; d++) if (chance.next() < part) times.push(local(d, fromHour + chance.between(0, hours)))
  return times
}

const withPattern = [
  {
    name: 'at one hour of the day',
    make(machine) {
      const { chance } = machine
      const times = windowTimes(machine, 28, chance.between(0, 22), chance.between(0.2, 2), 0.7)
      crashes(machine, times, 4 * week)
      return expected(['hour_of_day'], times, 4 * week)
    },
  },
  {
    name: 'at one hour of the day, and now and then at others',
    make(machine) {
      const { chance } = machine
      const times = windowTimes(machine, 42, chance.between(0, 22), chance.between(0.5, 2), 0.7)
      crashes(machine, [...times, ...chance.poisson(0, 6 * week, 4 * day)], 6 * week)
      return expected(['hour_of_day'], times, 6 * week)
    },
  },
  {
    name: 'around midnight',
    make(machine) {
      const times = windowTimes(machine, 28, 23.2, 1.6, 0.7)
      crashes(machine, times, 4 * week)
      return expected(['hour_of_day'], times, 4 * week)
    },
  },
  {
    name: 'at a local hour, over the change to summer time',
    make(machine) {
      const { chance } = machine
      const times = windowTimes(machine, 49, chance.between(4, 22), 0.5, 0.4)
      crashes(machine, times, 7 * week)
      return expected(['hour_of_day'], times, 7 * week)
    },
  },
  {
    name: 'at one hour of those at which it runs',
    make(machine) {
      const { chance } = machine
      const service = machine.service(kUnit)
      const at = chance.between(9, 16)
      const times = []
      for (let d = 0; d < 42; d++) {
        service.start(local(d, 8))
        if (chance.next() < 0.6) {
          times.push(local(d, at + chance.between(0, 0.9)))
          service.crash(times.at(-1))
        }
        service.stop(local(d, 18))
      }
      return expected(['hour_of_day'], times, 6 * week)
    },
  },
  {
    name: 'on one day of the week',
    make(machine) {
      const { chance } = machine
      const times = []
      const weekday = chance.whole(0, 6)
      for (let w = 0; w < 16; w++) if (chance.next() < 0.9) times.push(local(7 * w + weekday, chance.between(1, 23)))
      crashes(machine, times, 16 * week)
      return expected(['day_of_week'], times, 16 * week)
    },
  },
  {
    name: 'for an hour of one day of the week, each week, a few times',
    make(machine) {
      const { chance } = machine
      const [weekday, fromHour] = [chance.whole(0, 6), chance.between(0, 22)]
      // Each bad hour is one piece of evidence, however often it fails in it.
      const firsts = []
      const times = []
      for (let w = 0; w < 12; w++) {
        const hours = Array.from({ length: chance.whole(1, 6) }, () => fromHour + chance.next()).sort((a, b) => a - b)
        firsts.push(local(7 * w + weekday, hours[0]))
        times.push(...hours.map((at) => local(7 * w + weekday, at)))
      }
      crashes(machine, times, 12 * week)
      return [expected(['day_of_week'], firsts, 12 * week), expected(['hour_of_day'], firsts, 12 * week)]
    },
  },
  {
    name: 'for an hour of one day of the week, and by chance besides',
    make(machine) {
      const { chance } = machine
      const [weekday, fromHour] = [chance.whole(0, 6), chance.between(0, 22)]
      const times = []
      for (let w = 0; w < 16; w++) if (chance.next() < 0.9) times.push(local(7 * w + weekday, fromHour + chance.next()))
      crashes(machine, [...times, ...chance.poisson(0, 16 * week, 2.5 * week)], 16 * week)
      return expected(['day_of_week', 'hour_of_day'], times, 16 * week)
    },
  },
  {
    name: 'a job of each quarter of an hour fails for one hour of the week',
    make(machine) {
      const { chance } = machine
      const service = machine.service(kUnit)
      const [weekday, fromHour] = [chance.whole(0, 6), chance.whole(0, 22)]
      const firsts = []
      for (let w = 0; w < 12; w++)
        for (let quarter = 0; quarter < 7 * 96; quarter++) {
          const at = local(7 * w, quarter / 4) + chance.between(0, 20) * second
          if (at < 0) continue
          service.start(at)
          const isBad = Math.floor(quarter / 4) === 24 * weekday + fromHour
          if (isBad && quarter % 4 === 0) firsts.push(at)
          if (isBad) service.fail(at + chance.between(1, 60) * second)
          else service.end(at + chance.between(20, 120) * second)
        }
      return [expected(['day_of_week'], firsts, 12 * week), expected(['hour_of_day'], firsts, 12 * week)]
    },
  },
  {
    name: 'at weekends',
    make(machine) {
      const { chance } = machine
      const times = []
      for (let w = 0; w < 16; w++)
        for (const d of [4, 5]) if (chance.next() < 0.6) times.push(local(7 * w + d, chance.between(1, 23)))
      crashes(machine, times, 16 * week)
      return expected(['day_of_week'], times, 16 * week)
    },
  },
  {
    name: 'minutes after a job that runs four times a day, among other timers',
    make(machine) {
      const { chance } = machine
      const lagMs = chance.scale(20 * second, 20 * minute)
      const starts = every(6 * hour, 3 * week, chance.between(0, 6 * hour))
      const times = starts
        .filter(() => chance.next() < 0.6)
        .map((at) => at + lagMs * Math.max(chance.normal(1, 0.05), 0.5))
      timers(machine, 3 * week)
      job(machine, 'backup.service', starts)
      crashes(machine, times, 3 * week)
      return expected(['after_job'], times, 3 * week)
    },
  },
  {
    name: 'after a job of each sixth hour, among thirty of each hour',
    make(machine) {
      const { chance } = machine
      const lagMs = chance.scale(20 * second, 10 * minute)
      const starts = every(6 * hour, 3 * week, chance.between(0, 6 * hour))
      const times = starts.filter(() => chance.next() < 0.6).map((at) => at + lagMs + chance.between(0, 10) * second)
      for (let n = 0; n < 30; n++)
        job(
          machine,
          `hourly-${n}.service`,
          every(hour, 3 * week, chance.between(0, hour)).map((at) => at + chance.between(0, 5) * minute),
        )
      job(machine, 'backup.service', starts)
      crashes(machine, [...times, ...chance.poisson(0, 3 * week, 4 * day)], 3 * week)
      return expected(['after_job'], times, 3 * week)
    },
  },
  {
    name: 'after a job that people start, and by chance besides',
    make(machine) {
      const { chance } = machine
      const starts = chance.poisson(0, 4 * week, 8 * hour)
      const times = starts.filter(() => chance.next() < 0.6).map((at) => at + chance.between(20, 50) * second)
      timers(machine, 4 * week)
      job(machine, 'report.service', starts)
      crashes(machine, [...times, ...chance.poisson(0, 4 * week, 3 * day)], 4 * week)
      return expected(['after_job'], times, 4 * week)
    },
  },
  {
    name: 'after a cron job, each third hour',
    make(machine) {
      const { chance } = machine
      const starts = every(3 * hour, 2 * week)
      const lagMs = chance.scale(5 * second, 10 * minute)
      const times = starts.filter(() => chance.next() < 0.5).map((at) => at + lagMs + chance.between(0, 3) * second)
      cron(machine, '/usr/local/bin/sync', starts)
      cron(machine, 'run-parts /etc/cron.hourly', every(hour, 2 * week, 17 * minute))
      timers(machine, 2 * week, 6)
      crashes(machine, times, 2 * week)
      return expected(['after_job'], times, 2 * week)
    },
  },
  {
    name: 'after a nightly job: by its hour, and by the job',
    make(machine) {
      const { chance } = machine
      const starts = every(day, 5 * week, 2 * hour)
      const times = starts
        .filter(() => chance.next() < 0.7)
        .map((at) => at + 5 * minute + chance.between(0, 30) * second)
      timers(machine, 5 * week, 4)
      job(machine, 'dump.service', starts)
      crashes(machine, times, 5 * week)
      return [expected(['hour_of_day'], times, 5 * week), expected(['after_job'], times, 5 * week)]
    },
  },
]

const without = [
  {
    name: 'at random, among timers',
    make(machine) {
      const { chance } = machine
      timers(machine, 6 * week, 20)
      crashes(machine, chance.poisson(0, 6 * week, chance.scale(4 * hour, 3 * day)), 6 * week)
    },
  },
  {
    name: 'at random, over the change to summer time',
    make(machine) {
      const { chance } = machine
      crashes(machine, chance.poisson(0, 8 * week, day), 8 * week)
    },
  },
  {
    name: 'at random while it runs: in office hours, on working days',
    make(machine) {
      const { chance } = machine
      const service = machine.service(kUnit)
      for (let d = 0; d < 56; d++) {
        if ([4, 5].includes(d % 7)) continue
        service.start(local(d, 9))
        for (const at of chance.poisson(local(d, 9.1), local(d, 17), 10 * hour)) service.crash(at)
        service.stop(local(d, 17))
      }
    },
  },
  {
    name: 'a maintenance hour each week, in which it is restarted by hand, and fails at random',
    make(machine) {
      const { chance } = machine
      const service = machine.service(kUnit)
      service.start(0)
      const restarts = Array.from({ length: 12 }, (_, w) => [local(7 * w + 2, 4 + chance.next()), 'restart'])
      const fails = chance.poisson(0, 12 * week, 5 * day).map((at) => [at, 'crash'])
      for (const [at, what] of [...restarts, ...fails].sort((a, b) => a[0] - b[0])) service[what](at)
    },
  },
  {
    name: 'outages: many failures within an afternoon, a few times',
    make(machine) {
      const { chance } = machine
      const times = []
      for (let n = 0; n < 5; n++) {
        const from = chance.between(0, 6 * week)
        times.push(...chance.poisson(from, from + chance.between(2, 8) * hour, 10 * minute))
      }
      timers(machine, 6 * week, 6)
      crashes(machine, times, 6 * week)
    },
  },
  {
    name: 'twice as often by day as by night',
    make(machine) {
      const { chance } = machine
      const times = chance
        .poisson(0, 6 * week, 12 * hour)
        .filter((at) => chance.next() < 0.66 + 0.33 * Math.cos((2 * Math.PI * (at - 13 * hour)) / day))
      crashes(machine, times, 6 * week)
    },
  },
  {
    name: 'a job of a timer: it runs at its hour, and fails now and then',
    make(machine) {
      const { chance } = machine
      const service = machine.service(kUnit)
      timers(machine, 8 * week, 4)
      for (let d = 0; d < 56; d++) {
        const at = local(d, 3) + chance.between(0, 60) * second
        service.start(at)
        if (chance.next() < 0.4) service.fail(at + chance.between(1, 40) * minute)
        else service.end(at + 40 * minute)
      }
    },
  },
  {
    name: 'a job of a timer fails now and then, and another runs just before it',
    make(machine) {
      const { chance } = machine
      const service = machine.service(kUnit)
      const starts = every(chance.one([15 * minute, hour, day]), 3 * week, 10 * minute)
      timers(machine, 3 * week, 4)
      job(machine, 'before.service', starts, 5 * second)
      for (const start of starts) {
        const at = start + chance.between(10, 12) * second
        service.start(at)
        if (chance.next() < 0.2) service.fail(at + chance.between(1, 5) * second)
        else service.end(at + 5 * second)
      }
    },
  },
  {
    name: 'a handler starts at each failure (OnFailure=), a dependent with each restart',
    make(machine) {
      const { chance } = machine
      const periodMs = chance.scale(20 * minute, 6 * hour)
      const jitter = chance.one([0.02, 1])
      const times = []
      for (let at = 0; times.length < 80; ) {
        at += jitter === 1 ? minute + chance.exponential(periodMs) : periodMs * chance.normal(1, jitter)
        times.push(at)
      }
      job(
        machine,
        'tell-admin.service',
        times.map((at) => at + 50),
        second,
      )
      job(
        machine,
        'exporter.service',
        times.map((at) => at + 2 * second),
        second,
      )
      crashes(machine, times, times.at(-1) + hour)
    },
  },
  {
    name: 'each 7.3 hours, among timers',
    make(machine) {
      const { chance } = machine
      const times = every(7.3 * hour, 5 * week).map((at) => at + chance.between(0, 20) * minute)
      timers(machine, 5 * week, 12)
      crashes(machine, times, 5 * week)
    },
  },
  {
    name: 'reboots start everything, and it fails at random',
    make(machine) {
      const { chance } = machine
      const boots = chance.poisson(0, 6 * week, 2 * day)
      for (const name of ['db.service', 'cache.service', 'mail.service']) job(machine, name, boots, hour)
      crashes(machine, chance.poisson(0, 6 * week, 12 * hour), 6 * week)
    },
  },
  {
    name: 'restarted by hand each morning, and fails at random',
    make(machine) {
      const { chance } = machine
      const service = machine.service(kUnit)
      service.start(0)
      const stops = Array.from({ length: 42 }, (_, d) => [local(d, 7.5), 'restart'])
      const fails = chance.poisson(0, 6 * week, 1.5 * day).map((at) => [at, 'crash'])
      for (const [at, what] of [...stops, ...fails].filter(([at]) => at > 0).sort((a, b) => a[0] - b[0]))
        service[what](at)
    },
  },
]

/** What a rule of thumb makes of it: of the newest ten failures eight in the same three hours of the day. */
function byHistogram(machine) {
  const found = []
  for (const { name, failures } of machine.services)
    for (let n = 9; n < failures.length; n++) {
      const hours = failures.slice(n - 9, n + 1).map((at) => Math.floor((at % day) / hour))
      const most = Math.max(...hours.map((one) => hours.filter((other) => (other - one + 24) % 24 < 3).length))
      if (most < 8) continue
      found.push({ unit: name, kind: 'hour_of_day', atMs: failures[n] })
      break
    }
  return found
}

/** @type {import('../kind.d.mts').Kind} */
export default {
  id: 'time_pattern',
  config: { time_zone: kZone },
  families: [...withPattern, ...without],
  bars: { precision: 0.95, recall: 0.9 },
  baseline: { name: 'eight of ten failures in three hours of the day', find: byHistogram },
}
