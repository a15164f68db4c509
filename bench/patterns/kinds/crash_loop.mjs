import { hour, minute, second } from '../machine.mjs'

/** @type {import('../kind.d.mts').Kind} */
export default {
  id: 'crash_loop',
  bars: { precision: 0.98, recall: 0.95 },
  families: [
    {
      name: 'dies soon after each start',
      make(machine) {
        const { chance } = machine
        const service = machine.service()
        service.start(second)
        let atMs = chance.between(10 * second, hour)
        let thirdMs = 0
        for (let n = 0; n < chance.whole(6, 20); n++) {
          service.crash(atMs, 100)
          if (n === 2) thirdMs = atMs
          atMs += 100 + chance.between(0.2 * second, 20 * second)
        }
        machine.until(atMs + hour)
        return { unit: service.name, fromMs: thirdMs, untilMs: thirdMs + minute }
      },
    },
    {
      name: 'crashes now and then by chance',
      make(machine) {
        const service = machine.service()
        service.start(second)
        for (const atMs of machine.chance.poisson(minute, 24 * hour, 8 * hour)) service.crash(atMs)
        machine.until(24 * hour)
      },
    },
    {
      name: 'restarted by hand, again and again',
      make(machine) {
        const service = machine.service()
        service.start(second)
        let atMs = minute
        for (let n = 0; n < 20; n++) {
          service.restart(atMs)
          atMs += machine.chance.between(5 * second, minute)
        }
        machine.until(atMs + hour)
      },
    },
  ],
  baseline: {
    name: 'rate of restarts over 15 min > 3',
    find: (machine) =>
      machine.services.flatMap(({ name, failures }) => {
        const at = failures.findIndex((atMs, n) => n >= 3 && atMs - failures[n - 3] < 15 * minute)
        return at < 0 ? [] : [{ unit: name, kind: 'rule', atMs: failures[at] }]
      }),
  },
}
