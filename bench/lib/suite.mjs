import { appendFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { withFigures } from './page.mjs'

/** @typedef {import('./case.d.mts').Case<any, any>} Case */
/** @typedef {import('./case.d.mts').Entry} Entry */

const folder = new URL('../', import.meta.url)
const historyOf = (id) => new URL(`history/${id}.jsonl`, folder)

/** All cases, by name. Loading them needs neither a build nor root. @returns {Promise<Case[]>} */
export async function loadCases() {
  const files = readdirSync(new URL('cases/', folder))
    .filter((name) => name.endsWith('.mjs'))
    .sort()
  return Promise.all(
    files.map(async (file) => {
      const { default: benchmark } = await import(new URL(`cases/${file}`, folder).href)
      if (benchmark?.id !== file.replace(/\.mjs$/, ''))
        throw new Error(`bench/cases/${file} exports no case of its name`)
      return benchmark
    }),
  )
}

/** @param {Entry} entry */
export function save(entry) {
  appendFileSync(historyOf(entry.id), `${JSON.stringify(entry)}\n`)
}

/** The last run that was kept. @param {string} id @returns {Entry | undefined} */
export function lastRun(id) {
  if (!existsSync(historyOf(id))) return undefined
  const line = readFileSync(historyOf(id), 'utf8').trim().split('\n').at(-1)
  return line ? JSON.parse(line) : undefined
}

/** bench/README.md as it is, and as it should be. @param {readonly Case[]} cases */
export function renderPage(cases) {
  const page = readFileSync(new URL('README.md', folder), 'utf8')
  return {
    page,
    fresh: withFigures(
      page,
      cases.map((benchmark) => ({ benchmark, entry: lastRun(benchmark.id) })),
    ),
  }
}

/** @param {readonly Case[]} cases */
export function writePage(cases) {
  writeFileSync(new URL('README.md', folder), renderPage(cases).fresh)
}
