#!/usr/bin/env node
import { commandLine } from '../../test/support/command-line.mjs'
import { product } from '../lib/product.mjs'
import { Chance } from './random.mjs'

const help = `usage: node bench/patterns/calibrate-period.mjs [options]

How often chance looks like a period: random series are given to findPeriod, and the share of those with p <= level is shown
as a multiple of the level. At most 1.0 for Poisson means that kTrials in src/lib/statistics/periodicity.ts is enough.

  --series N   of each length (default 100000)
  --help       this text
`

const { values } = commandLine(help, { series: { type: 'string', default: '100000' } })
const { findPeriod } = await product('lib/statistics/periodicity.js')

const series = Number(values.series)
const levels = [1e-2, 1e-3, 1e-4]
const kLengths = [4, 5, 6, 7, 8, 9, 12, 16, 24, 32, 48, 64]

/** Intervals by chance, mean about 1. */
const intervals = {
  Poisson: (chance) => chance.exponential(1),
  bursts: (chance) => chance.exponential(chance.next() < 0.6 ? 0.05 : 2),
  'log-normal, 1': (chance) => Math.exp(chance.normal(0, 1)),
}

for (const [name, interval] of Object.entries(intervals))
  for (const length of kLengths) {
    const chance = new Chance(length)
    const below = levels.map(() => 0)
    for (let n = 0; n < series; n++) {
      let at = 0
      const times = Float64Array.from({ length }, () => {
        at += interval(chance)
        return at
      })
      const p = findPeriod(times)?.pValue ?? 1
      for (const [i, level] of levels.entries()) if (p <= level) below[i]++
    }
    const shares = levels.map((level, i) => `p <= ${level}: ${(below[i] / series / level).toFixed(2)}`)
    console.log(`${name.padEnd(14)} ${String(length).padStart(2)} events  ${shares.join('   ')}`)
  }
