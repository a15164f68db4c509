import { lives } from '../patterns/healthy.mjs'
import { day, hour, minute } from '../patterns/machine.mjs'
import { Chance } from '../patterns/random.mjs'

// Units as vectors: what each uses every 5 minutes, as the processor sees it. Healthy ones live as those of the fleet do; in the others
// something is wrong that shows in all series a little, in one of them, or in none unless it is held against the others.

export const kEveryMs = 5 * minute
export const kPerDay = day / kEveryMs
/** Time to be found in; then it is over. */
const kLastsMs = 3 * hour
/** What matters of cores, bytes, bytes per second, tasks, share of the time: the processor's floors. */
const floors = { cpu: 0.05, memory: 16 * 2 ** 20, io: 2 ** 18, tasks: 16, pressure: 0.1 }
/** All begin on a Tuesday: what is asked here knows no days of the week. */
const kWeekday = 1
const names = Object.keys(floors)
export const kSeries = names.length

/**
 * Logarithms to base 2 above what matters, a row each 5 minutes; `from` is the first in which something is wrong.
 *
 * @typedef {{rows: readonly Float64Array[], from: number}} Story
 */

/** @returns {Story} */
function told(life, lengthMs, fromMs = lengthMs, change = (use) => use) {
  const rows = []
  for (let atMs = kEveryMs; atMs < lengthMs; atMs += kEveryMs) {
    const use = atMs >= fromMs ? change(life(atMs)) : life(atMs)
    rows.push(Float64Array.from(names, (one) => Math.log2(1 + use[one] / floors[one])))
  }
  return { rows, from: Math.floor(fromMs / kEveryMs) }
}

function goesWrong(life, chance, change) {
  const fromMs = chance.whole(9, 10) * day + chance.between(0, 24) * hour
  return told(life, fromMs + kLastsMs, fromMs, change)
}

const busy = [
  'serves by day',
  'serves on work days',
  'wanders',
  'collects garbage',
  'a queue that is worked on for hours',
]
const busyLife = (chance) => {
  const name = chance.one(busy)
  return lives.find(([one]) => one === name)[1](chance, kWeekday)
}

/** Load that comes and goes over hours, and that all of a unit's series follow, each with a noise of its own. */
function followsLoad(chance) {
  let load = 0
  return () => {
    load = 0.97 * load + Math.sqrt(1 - 0.97 ** 2) * chance.normal()
    const of = (scale, share) => scale * Math.exp(share * load + chance.normal(0, 0.08))
    return {
      cpu: of(1, 0.6),
      memory: of(400 * 2 ** 20, 0.4),
      io: of(4e6, 0.6),
      tasks: of(60, 0.4),
      pressure: of(0.3, 0.5),
    }
  }
}

/** @type {readonly {id: string, title: string, make: (chance: Chance) => Story}[]} */
export const families = [
  {
    id: 'all',
    title: 'found: all are half as much again',
    make(chance) {
      const times = chance.between(1.5, 2)
      return goesWrong(busyLife(chance), chance, (use) =>
        Object.fromEntries(names.map((name) => [name, use[name] * times])),
      )
    },
  },
  {
    id: 'apart',
    title: 'found: one no longer goes with the others',
    make(chance) {
      const one = chance.one(names)
      let stuck
      return goesWrong(followsLoad(chance), chance, (use) => {
        // At a value that it has on other days: far from what the load is now.
        stuck ??= use[one] * (use.cpu > 1 ? 0.35 : 2.8)
        return { ...use, [one]: stuck * Math.exp(chance.normal(0, 0.08)) }
      })
    },
  },
  {
    id: 'one',
    title: 'found: one is three times as large',
    make(chance) {
      const one = chance.one(['cpu', 'memory', 'io', 'tasks'])
      return goesWrong(busyLife(chance), chance, (use) => ({ ...use, [one]: use[one] * 3 }))
    },
  },
]

/** Three weeks of healthy units, of all lives by turns. @param {number} count @returns {readonly Story[]} */
export function healthy(count) {
  const makes = [
    ...lives.map(
      ([, make]) =>
        (chance) =>
          make(chance, kWeekday),
    ),
    followsLoad,
  ]
  return Array.from({ length: count }, (_, n) => told(makes[n % makes.length](new Chance(777 + n * 7919)), 21 * day))
}

/** @param {number} count */
export const wrongOnes = ({ make }, count) => Array.from({ length: count }, (_, n) => make(new Chance(4000 + n * 7919)))
