import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import type { AgentConfig, ComponentConfig } from '../../../src/config/agent-config.js'
import { ConfigError, formatProblem } from '../../../src/errors.js'
import { parse } from './fakes.js'

const folder = new URL('../../golden/config/', import.meta.url)

const cases = readdirSync(folder).flatMap((name) => (name.endsWith('.yaml') ? [name.slice(0, -5)] : []))

test.each(cases)('%s', check)

test('every expectation has its configuration', () => {
  const expectations = readdirSync(folder).filter((name) => name.endsWith('.expected'))
  expect(expectations.sort()).toEqual(cases.map((name) => `${name}.expected`).sort())
})

/** Compares what comes of `<name>.yaml` with `<name>.expected`: the configuration and its warnings, or all problems. */
async function check(name: string): Promise<void> {
  const text = readFileSync(new URL(`${name}.yaml`, folder), 'utf8')
  const actual = await outcome(text)
  const expectation = new URL(`${name}.expected`, folder)
  if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(expectation, actual)
  expect(existsSync(expectation), `${name}.expected is missing: UPDATE_GOLDEN=1 writes it, then read it`).toBe(true)
  expect(actual).toBe(readFileSync(expectation, 'utf8'))
}

async function outcome(text: string): Promise<string> {
  try {
    const config = await parse(text, settings(text, 'env'), files(text))
    const warnings = config.warnings.map((warning) => `warning ${warning.code} ${formatProblem(warning)}\n`)
    return `${warnings.join('')}${JSON.stringify(dump(config), undefined, 2)}\n`
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return error.problems.map((problem) => `${problem.code} ${formatProblem(problem)}\n`).join('')
  }
}

/** Comments `# env NAME=value` and `# file path=content` (with \n, \r, \xhh) are the outside world of a case. */
function settings(text: string, word: 'env' | 'file'): Record<string, string> {
  const found = text.matchAll(new RegExp(`^# ${word} ([^=]+)=(.*)$`, 'gm'))
  return Object.fromEntries([...found].map(([, name, value]) => [name!, value!]))
}

function files(text: string): Record<string, Uint8Array | { text: string; mode: number }> {
  const contents = Object.entries(settings(text, 'file')).map(([path, written]) => {
    const bytes = Buffer.from(written.replace(/\\n/g, '\n').replace(/\\r/g, '\r'))
    const raw = written.match(/\\x[0-9a-f]{2}/g)
    if (raw !== null) return [path, Uint8Array.from(raw.map((hex) => Number.parseInt(hex.slice(2), 16)))] as const
    return [path, path === 'open' ? { text: written, mode: 0o644 } : bytes] as const
  })
  return Object.fromEntries(contents)
}

function dump(config: AgentConfig) {
  const components = (map: ReadonlyMap<string, ComponentConfig>) =>
    Object.fromEntries([...map].map(([id, component]) => [id, component.config]))
  return {
    receivers: components(config.receivers),
    processors: components(config.processors),
    exporters: components(config.exporters),
    extensions: components(config.extensions),
    pipelines: config.pipelines.map((pipeline) => ({ ...pipeline, signals: [...pipeline.signals] })),
    extensionIds: config.extensionIds,
    telemetry: config.telemetry,
  }
}
