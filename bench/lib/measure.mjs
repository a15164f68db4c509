import { CpuMeter } from './machine.mjs'
import { judge, spreadOf } from './statistics.mjs'

/** @typedef {import('./case.d.mts').Case<any, any>} Case */
/** @typedef {import('./case.d.mts').Row} Row */

/** Of all CPUs, for processes that are none of ours: past it a figure is the machine's weather. */
export const kMaxOtherPercent = 20
const kRounds = 5
const kQuickRounds = 2

/**
 * Runs a case: at each point all ways in turn, round after round, so that a machine that slows down slows all.
 *
 * @param {Case} benchmark
 * @param {{quick: boolean, once?: boolean, progress?: (text: string) => void}} options
 */
export async function measure(benchmark, { quick, once = false, progress = () => {} }) {
  const wanted = benchmark.rounds ?? kRounds
  const rounds = once ? 1 : quick ? Math.min(kQuickRounds, wanted) : wanted
  const warmUps = once ? 0 : (benchmark.warmUps ?? 1)
  const meter = new CpuMeter()
  const began = performance.now()
  /** @type {Row[]} */
  const rows = []
  for (const point of benchmark.points ?? [{ name: '' }]) {
    const told = (text) => progress(`${benchmark.id}: ${point.name === '' ? '' : `${point.name}: `}${text}`)
    rows.push(...(await measurePoint(benchmark, point, { quick, once, rounds, warmUps, told, meter })))
  }
  const { stealPercent, otherCpuPercent } = meter.read()
  return {
    rounds,
    seconds: Math.round((performance.now() - began) / 1000),
    stealPercent,
    otherCpuPercent,
    noisy: !benchmark.unmoved && otherCpuPercent > kMaxOtherPercent,
    rows,
    verdicts: benchmark.gates.map((gate) => judge(gate, rows)),
  }
}

/** @returns {Promise<Row[]>} */
async function measurePoint(benchmark, point, { quick, once, rounds, warmUps, told, meter }) {
  const skips = new Map(benchmark.ways.map((way) => [way.name, way.skip?.(point)]))
  const ways = benchmark.ways.filter(({ name }) => skips.get(name) === undefined)
  /** @type {Map<string, Record<string, number[]>>} */
  const values = new Map(ways.map(({ name }) => [name, {}]))
  told('set-up')
  const context = await benchmark.setUp?.(point, { quick, once })
  meter.on()
  try {
    for (let round = -warmUps; round < rounds; round++) {
      for (const way of ways) {
        told(`${round < 0 ? 'warm-up' : `round ${round + 1}/${rounds}`}: ${way.name}`)
        const figures = await way.run(context, { quick: quick || round < 0, once })
        if (round >= 0) keep(values.get(way.name), figures, benchmark)
      }
    }
  } finally {
    meter.off()
    await benchmark.tearDown?.(context)
  }
  return benchmark.ways.map(({ name }) => ({
    point: point.name,
    way: name,
    ...(skips.get(name) === undefined ? {} : { skipped: skips.get(name) }),
    figures: Object.fromEntries(Object.entries(values.get(name) ?? {}).map(([key, each]) => [key, spreadOf(each)])),
  }))
}

function keep(into, figures, { id, figures: known }) {
  for (const [key, value] of Object.entries(figures)) {
    if (known[key] === undefined) throw new Error(`${id}: a run gives "${key}", which its figures do not name`)
    if (!Number.isFinite(value)) throw new Error(`${id}: ${key} is ${value}`)
    const list = into[key] ?? []
    into[key] = list
    list.push(value)
  }
}
