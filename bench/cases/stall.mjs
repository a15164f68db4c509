import { listener, listening } from '../lib/listening.mjs'

const kStallMs = '5000'
const kRate = 10_000
/** A second more than the stall. */
const kSignals = 60_000
const kMegabyte = 1e6

/** @returns {import('../lib/case.d.mts').Way<any, any>} */
function way(name, consumer, argv, own) {
  const plain = listener(name, consumer, (told) => ({ senderLateMs: told.senderLateMs, ...own(told) }), argv)
  return {
    ...plain,
    async run(context) {
      const { flood } = context
      flood.watchMemory()
      const before = flood.busMemory().now
      const figures = await plain.run(context, { quick: false })
      return { ...figures, busGrowthMb: Math.max(0, flood.busMemory().highest - before) / kMegabyte }
    },
  }
}

const ours = ({ lost, gaps, records, delivered }) => ({ lost, gaps, unaccounted: records - delivered - lost })

/** @type {import('../lib/case.d.mts').Case<any, any>} */
export default {
  id: 'stall',
  question: 'JavaScript stands still for 5 s while 10,000 signals a second arrive: who pays?',
  notes:
    'The bus must hold what a listener does not read: dbus-daemon up to 127 MiB, after which it stops reading from PID 1; dbus-broker ' +
    'cuts the listener off. The native reader goes on reading. What its ring has no room for is dropped, counted, and told at its ' +
    'place in the order, whereupon the receiver reads all states again ("gaps"). Unaccounted is what was made and neither delivered ' +
    'nor told as lost. A listener that is disconnected fails the run; so does one that did not count each signal.',
  figures: {
    busGrowthMb: { title: 'growth of the bus, MB', ratio: true },
    senderLateMs: { title: 'sender late by at most ms' },
    lost: { title: 'records lost' },
    gaps: { title: 'gaps told' },
    unaccounted: { title: 'unaccounted' },
  },
  points: ['dbus-daemon', 'dbus-broker'].map((bus) => ({ name: bus, bus, rate: kRate, signals: kSignals })),
  rounds: 1,
  warmUps: 0,
  ways: [
    way('unitscope', 'unitscope', ['default', kStallMs], ours),
    way('dbus-next', 'dbus-next', [kStallMs], () => ({})),
  ],
  gates: ['dbus-daemon', 'dbus-broker'].flatMap((point) => [
    { figure: 'busGrowthMb', way: 'unitscope', point, atMost: 5 },
    { figure: 'gaps', way: 'unitscope', point, atLeast: 1 },
    { figure: 'unaccounted', way: 'unitscope', point, atMost: 0 },
  ]),
  ...listening,
}
