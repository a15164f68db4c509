import { busPoints, listener, listening } from '../lib/listening.mjs'

const buses = ['dbus-daemon', 'dbus-broker']
const points = busPoints(buses, [350, 1000, 10_000, 0])

const whole = ({ cpuUs, rate }, signals) => ({ usPerSignal: cpuUs / signals, rate })

/** As often as unitscope reads at 10 k/s. At a lower rate it does not wait, flat out a fixed sleep would starve the bus. */
const inWindows = listener('raw reader, each 2 ms', 'raw reader', whole, ['2000'])

/** @type {import('../lib/case.d.mts').Case<import('../lib/listening.mjs').Listening, import('../lib/listening.mjs').BusPoint>} */
export default {
  id: 'dbus-cpu-native',
  question: "What does reading systemd's signals from a bus cost, on the thread that reads them?",
  notes:
    'Recorded signals of five services, said by 1,000 units in turn, one write per message, Service and Unit halves of a change ' +
    'back to back, as systemd sends them. unitscope: its reader thread alone, with the default `batch_timeout`, which reads, checks, ' +
    'filters, compares with the last state and stores a record; what JavaScript adds is in [latency](#latency). sd-bus and libdbus, ' +
    'in C, read ActiveState, SubState, MainPID, Result, NRestarts and ExecMain*, and keep nothing; dbus-next and godbus decode ' +
    'all of a message, and the figure is that of the whole process. The raw reader only counts messages by their lengths: less is ' +
    'not possible, neither without waiting nor by reading each 2 ms. Each counted every signal that was sent.',
  figures: {
    usPerSignal: { title: 'CPU us per signal', ratio: true },
    rate: { title: 'signals/s' },
  },
  points,
  ways: [
    listener('unitscope', 'unitscope', ({ readerUs, rate }, signals) => ({ usPerSignal: readerUs / signals, rate }), [
      'default',
    ]),
    listener('raw reader', 'raw reader', whole),
    { ...inWindows, skip: (point) => (point.rate === 10_000 ? inWindows.skip(point) : 'only at 10 k/s') },
    listener('sd-bus', 'sd-bus', whole),
    listener('libdbus', 'libdbus', whole),
    listener('dbus-next', 'dbus-next', whole),
    listener('godbus', 'godbus', whole),
  ],
  gates: buses.flatMap((bus) => {
    const at = { figure: 'usPerSignal', point: `10 k/s, ${bus}` }
    return [
      { ...at, way: 'unitscope', atMost: 3 },
      { ...at, way: 'sd-bus', over: 'unitscope', atLeast: 5, aim: 6 },
      { ...at, way: 'libdbus', over: 'unitscope', atLeast: 3, aim: 6 },
      { ...at, way: 'dbus-next', over: 'unitscope', atLeast: 12 },
      { ...at, way: 'godbus', over: 'unitscope', atLeast: 20 },
    ]
  }),
  ...listening,
}
