import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * A labelled series: rows in order of time, and windows of rows, first and last included, in which something was wrong.
 *
 * @typedef {object} Series
 * @property {string} name
 * @property {Float64Array} seconds  since 1970
 * @property {Float64Array} values
 * @property {readonly (readonly [number, number])[]} windows
 */

/** Why there is no corpus in a folder; undefined where there is one. @param {string | undefined} folder */
export function corpusMissing(folder) {
  if (folder === undefined) return 'give the folder of the Numenta Anomaly Benchmark: --data DIR'
  return existsSync(join(folder, 'windows.json')) ? undefined : `there is no windows.json in ${folder}`
}

/**
 * The series that `windows.json` names: `{"folder/file.csv": [["2014-02-26 13:45:00", "..."], ...]}` beside files of
 * `timestamp,value` (the layout of NAB v1.1).
 *
 * @param {string} folder
 * @returns {Series[]}
 */
export function readCorpus(folder) {
  const windows = JSON.parse(readFileSync(join(folder, 'windows.json'), 'utf8'))
  return Object.entries(windows).map(([name, spans]) => {
    const rows = readFileSync(join(folder, name), 'utf8').trim().split(/\r?\n/).slice(1)
    const cells = rows.map((row) => row.split(','))
    const seconds = Float64Array.from(cells, ([time]) => secondsOf(time))
    const values = Float64Array.from(cells, ([, value]) => Number(value))
    return {
      name,
      seconds,
      values,
      windows: spans.map(([from, to]) => rowsOf(seconds, secondsOf(from), secondsOf(to))),
    }
  })
}

function secondsOf(text) {
  const ms = Date.parse(`${text.replace(' ', 'T').slice(0, 23)}Z`)
  if (Number.isNaN(ms)) throw new Error(`not a time: ${text}`)
  return ms / 1000
}

function rowsOf(seconds, from, to) {
  const first = seconds.findIndex((at) => at >= from)
  const last = seconds.findLastIndex((at) => at <= to)
  if (first < 0 || last < first) throw new Error(`no row between ${from} and ${to}`)
  return [first, last]
}
