// How an item of a test says who it is: three attributes, which any pipeline passes on. Who makes items marks them; the
// backend reads the marks, and so knows what is missing, what came twice, and whose content is not what was sent.
import { crc32 } from 'node:zlib'

/**
 * @param {string} run - who counts, e.g. one sender of one test
 * @param {number} seq - 0, 1, 2 ... without a gap
 * @param {string} payload - a log record's body, a span's name, a metric point's value as text
 */
export function marksOf(run, seq, payload) {
  return { 'oracle.run': run, 'oracle.seq': seq, 'oracle.crc': hashOf(run, seq, payload) }
}

export function hashOf(run, seq, payload) {
  return crc32(`${run}/${seq}/${payload}`)
}
