import { busPoints, listener, listening } from '../lib/listening.mjs'

const figures = ({ cpuUs, p50Ms, p95Ms, p99Ms }, signals) => ({ p50Ms, p95Ms, p99Ms, usPerSignal: cpuUs / signals })
const usual = 'unitscope, default batch_timeout'
const atOnce = 'unitscope, batch_timeout 0'
const patient = 'unitscope, batch_timeout 100 ms'
const daemon = (rate) => `${rate}, dbus-daemon`

/** Changes are one in five signals: fewer would make P99 the worst of all. */
const kSignals = { 350: 700, 1000: 1500, 10000: 10_000 }
const rates = [350, 1000, 10_000]
const points = [...busPoints(['dbus-daemon'], rates), ...busPoints(['dbus-broker'], [10_000])].map((point) => ({
  ...point,
  signals: kSignals[point.rate],
}))

/** @type {import('../lib/case.d.mts').Case<import('../lib/listening.mjs').Listening, import('../lib/listening.mjs').BusPoint>} */
export default {
  id: 'latency',
  question:
    'How old is a change when JavaScript has it as an object, and what does the whole process spend on a signal?',
  notes:
    'The signals are those of [dbus-cpu-native](#dbus-cpu-native). StateChangeTimestamp is set when a changed state is sent, so a ' +
    "change's age needs no second clock; each change that was sent was seen. CPU is that of the whole process, with its garbage " +
    'collection, and with the bookkeeping of this benchmark.',
  figures: {
    p50Ms: { title: 'P50 ms' },
    p95Ms: { title: 'P95 ms' },
    p99Ms: { title: 'P99 ms' },
    usPerSignal: { title: 'process CPU us per signal', ratio: true },
  },
  points,
  ways: [
    listener(usual, 'unitscope', figures, ['default']),
    listener(atOnce, 'unitscope', figures, ['0']),
    listener(patient, 'unitscope', figures, ['100']),
    listener('dbus-next', 'dbus-next', figures),
  ],
  gates: [
    { figure: 'p95Ms', way: usual, point: daemon('10 k/s'), atMost: 2.5 },
    { figure: 'p95Ms', way: usual, point: daemon('1 k/s'), atMost: 1 },
    { figure: 'p99Ms', way: usual, point: daemon('350/s'), atMost: 100 },
    { figure: 'p99Ms', way: usual, point: daemon('10 k/s'), atMost: 100 },
    { figure: 'usPerSignal', way: usual, point: daemon('10 k/s'), atMost: 8 },
    { figure: 'usPerSignal', way: 'dbus-next', over: usual, point: daemon('350/s'), atLeast: 5 },
    { figure: 'usPerSignal', way: 'dbus-next', over: usual, point: daemon('10 k/s'), atLeast: 5, aim: 10 },
    { figure: 'usPerSignal', way: 'dbus-next', over: usual, point: '10 k/s, dbus-broker', atLeast: 5, aim: 10 },
    { figure: 'p95Ms', way: atOnce, point: daemon('350/s'), atMost: 1.8 },
    { figure: 'p95Ms', way: 'dbus-next', over: atOnce, point: daemon('350/s'), atLeast: 1 },
    { figure: 'p95Ms', way: 'dbus-next', over: atOnce, point: daemon('10 k/s'), atLeast: 1 },
  ],
  ...listening,
}
