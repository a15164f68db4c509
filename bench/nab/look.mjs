#!/usr/bin/env node
import { commandLine } from '../../test/support/command-line.mjs'
import { corpusMissing, readCorpus } from './corpus.mjs'
import { detectionsOf, loadDetectors, scoresOf } from './detectors.mjs'
import { makeCorpus } from './made.mjs'
import { judge, profiles, score } from './score.mjs'

const help = `usage: node bench/nab/look.mjs [options]

Says of each series which rows are detected as anomalies, and what its windows are.

  --data DIR       a folder of the Numenta Anomaly Benchmark; else the series that are made by chance
  --seed N         of those (1)
  --detector NAME  unitscope (the default), "windowed Gaussian" or "random cut forest"
  --threshold N    another than the detector's own
  --help           this text
`

const { values: options } = commandLine(help, {
  data: { type: 'string' },
  seed: { type: 'string', default: '1' },
  detector: { type: 'string', default: 'unitscope' },
  threshold: { type: 'string' },
})
process.exitCode = await main()

async function main() {
  const missing = options.data === undefined ? undefined : corpusMissing(options.data)
  const detector = (await loadDetectors()).find(({ name }) => name === options.detector)
  if (missing !== undefined || detector === undefined) {
    console.error(missing ?? `no such detector: ${options.detector}`)
    return 64
  }
  const threshold = options.threshold === undefined ? detector.threshold : Number(options.threshold)
  const corpus = options.data === undefined ? makeCorpus(Number(options.seed)) : readCorpus(options.data)
  const judged = corpus.map((series) => look(series, detector, threshold))
  for (const [name, profile] of Object.entries(profiles)) console.log(`${name}: ${score(judged, profile).toFixed(2)}`)
  return 0
}

function look(series, detector, threshold) {
  const scores = scoresOf(detector, series)
  const detections = detectionsOf(scores, threshold)
  const found = judge(series, (row) => detections[row])
  const hits = found.hits.filter((one) => one > 0).length
  console.log(`${series.name}: ${hits} of ${series.windows.length} windows, ${found.falseAlarms} false alarms`)
  for (const [n, [first, last]] of series.windows.entries()) {
    const most = scores.subarray(first, last + 1).reduce((a, b) => Math.max(a, b), 0)
    console.log(`  window ${first}-${last}: worth ${found.hits[n].toFixed(2)}, at most ${most.toFixed(1)}`)
  }
  const rows = detections.flatMap((detected, row) => (detected ? [`${row} (${scores[row].toFixed(1)})`] : []))
  if (rows.length > 0) console.log(`  detected: ${rows.join(', ')}`)
  return found
}
