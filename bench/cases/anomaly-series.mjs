import { costGates, howScored, seriesCase } from '../nab/case.mjs'
import { makeCorpus } from '../nab/made.mjs'

/** @type {import('../lib/case.d.mts').Case<any, any>} */
export default {
  id: 'anomaly-series',
  question: 'How well are anomalies found in series made by chance, and how often is something seen where nothing is?',
  notes: `37 series of 22 families (\`bench/nab/made.mjs\`): days with and without noise, spikes, counts, prices, traffic; six of them are healthy throughout. ${howScored}`,
  ...seriesCase(() => makeCorpus()),
  gates: [{ figure: 'standard', way: 'unitscope', atLeast: 60, aim: 70 }, ...costGates],
}
