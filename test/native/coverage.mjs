// Which lines of native/core the tests run, by GCC's counters in the build of the ASan variant.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, rmSync } from 'node:fs'
import { root } from './variants.mjs'

const kObjects = `${root}build/native/asan/Release/obj.target`
const kCounted = 'native/core/'
const kLeastPercent = 95
/** Lines named one by one. */
const kMaxNamed = 40

const objects = (ending) => {
  if (!existsSync(kObjects)) return []
  const all = readdirSync(kObjects, { recursive: true, encoding: 'utf8' })
  return all.filter((file) => file.endsWith(ending)).map((file) => `${kObjects}/${file}`)
}

/** Forgets what earlier runs counted; each program adds to it at its end. */
export function forgetCoverage() {
  for (const file of objects('.gcda')) rmSync(file)
}

/**
 * Times each line was run, by file and line number. A line of a header, or of a template, belongs to several objects.
 *
 * @returns {Map<string, Map<number, number>>}
 */
function countLines() {
  const { stdout, status, stderr } = spawnSync('gcov', ['--json-format', '--stdout', ...objects('.gcda')], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 2 ** 30,
  })
  if (status !== 0) throw new Error(stderr)
  /** @type {Map<string, Map<number, number>>} */
  const files = new Map()
  for (const object of stdout.trim().split('\n')) {
    for (const { file, lines } of JSON.parse(object).files) {
      // make runs in build/.
      const name = file.replace(/^\.\.\//, '')
      if (!name.startsWith(kCounted)) continue
      const counts = files.get(name) ?? new Map()
      files.set(name, counts)
      for (const { line_number: line, count } of lines) counts.set(line, (counts.get(line) ?? 0) + count)
    }
  }
  return files
}

/** @returns {{ok: boolean, summary: string, output: string}} `output` names lines that no test runs */
export function coverage() {
  let lines = 0
  /** @type {string[]} */
  const missed = []
  for (const [file, counts] of [...countLines()].sort(([a], [b]) => a.localeCompare(b))) {
    lines += counts.size
    for (const [line, count] of [...counts].sort(([a], [b]) => a - b)) if (count === 0) missed.push(`${file}:${line}`)
  }
  const percent = lines === 0 ? 0 : (100 * (lines - missed.length)) / lines
  const summary = `coverage of ${kCounted}: ${percent.toFixed(1)} % of ${lines} lines`
  return {
    ok: percent >= kLeastPercent,
    output: `${summary}, at least ${kLeastPercent} % wanted; not run: ${missed.slice(0, kMaxNamed).join(' ')}`,
    summary,
  }
}
