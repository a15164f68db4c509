import { existsSync, readFileSync } from 'node:fs'

/** @typedef {{passed: number, failed: number, skipped: number, skips: string[]}} Tally */

/**
 * Counts a vitest JSON report.
 *
 * @param {string} file
 * @returns {Tally} a file that could not be loaded counts as one failure
 */
export function tallyVitest(file) {
  const tally = { passed: 0, failed: 0, skipped: 0, skips: [] }
  if (!existsSync(file)) return { ...tally, failed: 1 }
  for (const { status, assertionResults } of JSON.parse(readFileSync(file, 'utf8')).testResults) {
    if (status === 'failed' && !assertionResults.some((test) => test.status === 'failed')) tally.failed++
    for (const test of assertionResults) {
      if (test.status === 'passed') tally.passed++
      else if (test.status === 'failed') tally.failed++
      else {
        tally.skipped++
        tally.skips.push(test.fullName)
      }
    }
  }
  return tally
}

/**
 * Counts what the native test programs print: lines `N tests, N failed`, and `skipped: NAME (reason)`.
 *
 * @param {string} output
 * @returns {Tally} no summary line at all counts as one failure
 */
export function tallyNative(output) {
  const tally = { passed: 0, failed: 0, skipped: 0, skips: [] }
  const summaries = [...output.matchAll(/^.*?(\d+) tests, (\d+) failed.*$/gm)]
  for (const [, ran, failed] of summaries) {
    tally.passed += Number(ran) - Number(failed)
    tally.failed += Number(failed)
  }
  if (summaries.length === 0) tally.failed = 1
  for (const [, skip] of output.matchAll(/^skipped: (.+)$/gm)) {
    tally.skipped++
    tally.skips.push(skip)
  }
  return tally
}
