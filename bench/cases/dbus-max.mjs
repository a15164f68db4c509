import { busPoints, listener, listening } from '../lib/listening.mjs'

const kMegabyte = 1e6

/** @returns {import('../lib/case.d.mts').Way<any, any>} */
function way(name, consumer, argv) {
  const plain = listener(name, consumer, ({ rate, cpuUs }, signals) => ({ rate, usPerSignal: cpuUs / signals }), argv)
  return {
    ...plain,
    async run(context, options) {
      const { flood } = context
      flood.watchMemory()
      const before = flood.busMemory().now
      const figures = await plain.run(context, options)
      return { ...figures, busGrowthMb: Math.max(0, flood.busMemory().highest - before) / kMegabyte }
    },
  }
}

const buses = ['dbus-daemon', 'dbus-broker']

/** @type {import('../lib/case.d.mts').Case<any, any>} */
export default {
  id: 'dbus-max',
  question: 'How many signals a second reach a listener, when systemd says them as fast as the bus takes them?',
  notes:
    'From the first signal sent to the last one received; nobody lost any. The raw reader only counts messages: what it cannot ' +
    'have, the bus does not deliver. On few CPUs sender, bus and listener compete, so what the listener spends is missing ' +
    'elsewhere. The growth of the bus is what it held for a listener that was behind.',
  figures: {
    rate: { title: 'signals/s', ratio: true },
    usPerSignal: { title: 'process CPU us per signal' },
    busGrowthMb: { title: 'growth of the bus, MB' },
  },
  points: busPoints(buses, [0]),
  ways: [way('unitscope', 'unitscope', ['default']), way('raw reader', 'raw reader'), way('dbus-next', 'dbus-next')],
  gates: buses.flatMap((bus) => {
    const point = `flat out, ${bus}`
    return [
      { figure: 'rate', way: 'unitscope', over: 'raw reader', point, atLeast: 0.9 },
      { figure: 'rate', way: 'unitscope', over: 'dbus-next', point, atLeast: 1.8 },
      { figure: 'busGrowthMb', way: 'unitscope', point, atMost: 20 },
    ]
  }),
  ...listening,
}
