import { amount } from '../lib/amount.mjs'
import { loadParts } from '../patterns/machine.mjs'
import { Replayer } from '../patterns/replay.mjs'
import { loadKinds, productWay, runKind } from '../patterns/run-kind.mjs'

const kinds = await loadKinds()
/** Scenarios of each family; `--once` takes two in all. */
const sizeOf = (kind, options) => ({
  perFamily: amount(options, { whole: kind.perFamily, quick: 2, once: 1 }),
  oneOfEach: options.once,
})

/** @type {import('../lib/case.d.mts').Case<any, any>} */
export default {
  id: 'patterns',
  question: 'How often are the detectors of patterns right, how much do they miss, and how often do they cry wolf?',
  notes:
    'Labelled stories of machines, made by chance from fixed seeds: so every run gives the same figures. The events and metrics are made by the ' +
    "receivers' own code and told to the product's processors by replay. A detection is right when it names the unit, a fitting kind, and comes " +
    'after there was something to be found; every other one is false. Lower and upper bounds are of 95 % intervals (Wilson; Anscombe). Delays ' +
    'count from the moment at which somebody who knows the truth could have said so. The baselines are rules as people write them for alerts.',
  figures: {
    precision: { title: 'precision' },
    precisionLow: { title: 'at least' },
    recall: { title: 'recall', ratio: true },
    recallLow: { title: 'at least ' },
    delay: { title: 'delay, s' },
    delayP95: { title: 'P95' },
    falseAlarms: { title: 'false alarms per unit and week' },
    falseAlarmsHigh: { title: 'at most' },
    positives: { title: 'stories with' },
    negatives: { title: 'and without' },
  },
  points: kinds.map(({ id }) => ({ name: id })),
  rounds: 1,
  warmUps: 0,
  async setUp({ name }) {
    return { kind: kinds.find(({ id }) => id === name), parts: await loadParts(), replayer: await Replayer.load() }
  },
  ways: [
    {
      name: 'unitscope',
      async run({ kind, parts, replayer }, options) {
        return (await runKind(kind, parts, productWay(kind, replayer, parts.attr), sizeOf(kind, options))).figures
      },
    },
    {
      name: 'a rule by hand',
      skip: ({ name }) =>
        kinds.find(({ id }) => id === name)?.baseline === undefined ? 'nobody writes one' : undefined,
      async run({ kind, parts }, options) {
        return (await runKind(kind, parts, (machine) => kind.baseline.find(machine), sizeOf(kind, options))).figures
      },
    },
  ],
  gates: kinds.flatMap(({ id: point, bars }) => [
    { figure: 'precision', way: 'unitscope', point, atLeast: bars.precision },
    { figure: 'recall', way: 'unitscope', point, atLeast: bars.recall },
  ]),
}
