#!/usr/bin/env node
import { commandLine } from '../../test/support/command-line.mjs'
import { loadParts } from './machine.mjs'
import { Replayer } from './replay.mjs'
import { loadKinds, productWay, runKind } from './run-kind.mjs'

const help = `usage: node bench/patterns/look.mjs [options] [KIND...]

Tells each labelled scenario to the detector, and says by family what it found, and what it missed or made up.

  --per-family N   scenarios of each family (as many as the benchmark has)
  --family TEXT    only families whose name has TEXT
  --wrong          each miss and false alarm, with the number of its scenario
  --help           this text
`

const { values: options, positionals } = commandLine(help, {
  'per-family': { type: 'string' },
  family: { type: 'string', default: '' },
  wrong: { type: 'boolean', default: false },
})

const parts = await loadParts()
const replayer = await Replayer.load()
for (const kind of await loadKinds()) {
  if (positionals.length > 0 && !positionals.includes(kind.id)) continue
  const families = kind.families.filter(({ name }) => name.includes(options.family))
  const score = await runKind({ ...kind, families }, parts, productWay(kind, replayer, parts.attr), {
    ...(options['per-family'] === undefined ? {} : { perFamily: Number(options['per-family']) }),
    ...(options.wrong ? { onWrong: (text) => console.log(`  ${text}`) } : {}),
  })
  console.log(kind.id)
  for (const [name, { scenarios, hits, missed, wrong }] of score.families)
    console.log(`  ${name.padEnd(60)} ${scenarios} scenarios: ${hits} found, ${missed} missed, ${wrong} false`)
  for (const [name, value] of Object.entries(score.figures))
    console.log(`    ${name.padEnd(18)} ${Number(value.toPrecision(4))}`)
}
