import { dataFolder } from '../lib/data.mjs'
import { costGates, howScored, seriesCase } from '../nab/case.mjs'
import { corpusMissing, readCorpus } from '../nab/corpus.mjs'

/** @type {import('../lib/case.d.mts').Case<any, any>} */
export default {
  id: 'nab',
  question: 'How well are anomalies found in labelled real series, and what does it cost?',
  notes:
    `With \`--data DIR\`, a folder of the Numenta Anomaly Benchmark; its 24 series of AWS CloudWatch and with known causes. ${howScored} ` +
    'The windowed Gaussian is the baseline of that benchmark; the forest has 30 trees of 512 points of 8 values.',
  unavailable: () => corpusMissing(dataFolder()),
  ...seriesCase(() => readCorpus(dataFolder())),
  gates: [{ figure: 'standard', way: 'unitscope', atLeast: 60, aim: 70 }, ...costGates],
}
