import { describeGate } from './statistics.mjs'

/** @typedef {import('./case.d.mts').Case<any, any>} Case */
/** @typedef {import('./case.d.mts').Entry} Entry */
/** @typedef {import('./case.d.mts').Row} Row */

const kBegin =
  '<!-- figures: made from history/ by `node bench/run.mjs --page`; what stands between these marks is not edited -->'
const kEnd = '<!-- figures end -->'

/**
 * A number as it is read: thousands apart, at most four digits.
 *
 * @param {number} value
 */
export function number(value) {
  return value.toLocaleString('en', { maximumSignificantDigits: 4 })
}

function cell({ median, min, max }) {
  return min === max ? number(median) : `${number(median)} (${number(min)} .. ${number(max)})`
}

/**
 * Rows as a table of text cells, the headings first. Points are a column only where there are several.
 *
 * @param {Case} benchmark
 * @param {readonly Row[]} rows
 * @returns {string[][]}
 */
export function tableOf(benchmark, rows) {
  const pointed = benchmark.points !== undefined
  const columns = Object.entries(benchmark.figures)
  const head = [...(pointed ? ['at'] : []), 'way']
  for (const [, { title, ratio }] of columns) head.push(title, ...(ratio ? ['ratio'] : []))
  const lines = rows.map((row) => {
    const first = rows.find(({ point }) => point === row.point)
    const line = [...(pointed ? [row.point] : []), row.way]
    for (const [key, { ratio }] of columns) {
      const spread = row.figures[key]
      line.push(spread === undefined ? (row.skipped ?? '') : cell(spread))
      const one = first.figures[key]?.median
      if (ratio) line.push(spread === undefined || !one ? '' : number(Number((spread.median / one).toPrecision(3))))
    }
    return line
  })
  return [head, ...lines]
}

const outcomes = { aim: 'reached the aim', met: 'met', missed: 'MISSED', 'not measured': 'not measured' }

/**
 * Gates and what became of them, the headings first.
 *
 * @param {Case} benchmark
 * @param {Entry['verdicts']} verdicts
 * @returns {string[][]}
 */
export function verdictTableOf(benchmark, verdicts) {
  const lines = verdicts.map((verdict) => [
    describeGate(verdict, benchmark.figures),
    verdict.value === undefined ? '' : number(verdict.value),
    outcomes[verdict.outcome],
  ])
  return [['gate', 'measured', 'verdict'], ...lines]
}

/** @param {string[][]} table */
export function markdown([head, ...lines]) {
  const row = (cells) => `| ${cells.map((text) => text.replaceAll('|', '\\|')).join(' | ')} |`
  return [row(head), row(head.map(() => '---')), ...lines.map(row)].join('\n')
}

/** @param {string[][]} table */
export function plain(table) {
  const widths = table[0].map((_, i) => Math.max(...table.map((cells) => cells[i].length)))
  return table
    .map((cells) =>
      cells
        .map((text, i) => text.padEnd(widths[i]))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

/**
 * The page with the figures of each case's last run in the place of what stood there.
 *
 * @param {string} page
 * @param {readonly {benchmark: Case, entry?: Entry}[]} runs
 */
export function withFigures(page, runs) {
  const from = page.indexOf(kBegin)
  const to = page.indexOf(kEnd)
  if (from < 0 || to < from) throw new Error('the page has no place for figures')
  const list = runs.map(({ benchmark: { id, question } }) => [`[${id}](#${id})`, question])
  const parts = [markdown([['case', 'question'], ...list]), ...runs.map(section)]
  return `${page.slice(0, from)}${kBegin}\n\n${parts.join('\n\n')}\n\n${page.slice(to)}`
}

/** @param {{benchmark: Case, entry?: Entry}} run */
function section({ benchmark, entry }) {
  const parts = [`### ${benchmark.id}`, benchmark.question]
  if (entry === undefined) parts.push('Not measured yet.')
  else {
    parts.push(provenance(entry), markdown(tableOf(benchmark, entry.rows)))
    if (entry.verdicts.length > 0) parts.push(markdown(verdictTableOf(benchmark, entry.verdicts)))
  }
  if (benchmark.notes !== undefined) parts.push(benchmark.notes)
  return parts.join('\n\n')
}

/** What a figure is. @param {number} rounds */
export function basis(rounds) {
  return rounds === 1 ? 'of one round' : `medians of ${rounds} rounds, least and most in brackets`
}

/** @param {Entry} entry */
function provenance({ command, date, commit, dirty, machine, versions, rounds, noisy, stealPercent, otherCpuPercent }) {
  const { cpus, model, kernel, os } = machine
  const parts = [
    `\`${command}\`, ${date.slice(0, 10)}, commit ${commit}${dirty ? ' with changes' : ''}`,
    `${cpus} x ${model}, Linux ${kernel}, ${os}`,
    Object.entries(versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(', '),
    `${basis(rounds)}; other processes took ${otherCpuPercent} % of the CPUs, the hypervisor ${stealPercent} %`,
  ]
  return `${parts.join('; ')}.${noisy ? ' **The machine was not quiet: repeat this run.**' : ''}`
}
