import { expect, test } from 'vitest'
import type { Registration } from '../../../src/component/component.js'
import { parseConfig } from '../../../src/config/config.js'
import { parse, registrations, sourcesOf, verdict, withSource } from './fakes.js'

test('pipelines carry what their id says', async () => {
  const ids = ['traces', 'traces/a', 'metrics', 'logs/x.y', 'host', 'host/a']
  const config = await parse(
    `receivers: { source: }\nexporters: { sink: { endpoint: "127.0.0.1:1" } }\nservice:\n  pipelines:\n${ids
      .map((id) => `    ${id}: { receivers: [source], exporters: [sink] }\n`)
      .join('')}`,
  )
  expect(config.pipelines.map(({ id, signals }) => [id, [...signals]])).toEqual([
    ['traces', ['traces']],
    ['traces/a', ['traces']],
    ['metrics', ['metrics']],
    ['logs/x.y', ['logs']],
    ['host', ['logs', 'metrics', 'traces']],
    ['host/a', ['logs', 'metrics', 'traces']],
  ])
})

test('nothing of a configuration can be changed', async () => {
  const config = await parse(withSource('    unit_types: [service]\n    match: { name: x }'))
  const source = config.receivers.get('source')!
  for (const part of [
    config,
    source,
    source.config,
    config.pipelines,
    config.pipelines[0],
    config.telemetry,
    config.warnings,
    config.extensionIds,
  ])
    expect(Object.isFrozen(part)).toBe(true)
  const values = source.config as { unit_types: unknown; match: unknown }
  expect(Object.isFrozen(values.unit_types)).toBe(true)
  expect(Object.isFrozen(values.match)).toBe(true)
})

test('two components that share an alias do not share an object', async () => {
  const config = await parse(withSource('    match: &m { name: x }\n  source/b:\n    match: *m'))
  const [a, b] = ['source', 'source/b'].map((id) => config.receivers.get(id)!.config as { match: object })
  expect(a!.match).toEqual(b!.match)
  expect(a!.match).not.toBe(b!.match)
})

test('only what the file names is loaded', async () => {
  const loaded: string[] = []
  const spies: readonly Registration[] = registrations.map((registration) => ({
    ...registration,
    load: () => {
      loaded.push(registration.type)
      return registration.load()
    },
  }))
  await parseConfig(withSource('    burst: 1'), 'agent.yaml', spies, sourcesOf())
  expect(loaded).toEqual(['source', 'sink'])
})

test('one mistake does not hide another, wherever they are', async () => {
  const problems = await verdict(
    'receivers:\n  source: { burst: 0 }\nexporters:\n  sink: { endpoint: "${env:GONE}", user: 5 }\nservice:\n  pipelines:\n    all: { receivers: [sorce], exporters: [sink, sink] }\n    wrong: 5\nextra: 1\n',
  )
  expect(problems.map((problem) => problem.split(' ').slice(0, 3).join(' '))).toEqual([
    'CFG_VALUE agent.yaml:2:20 receivers.source.burst:',
    'CFG_SUBSTITUTION agent.yaml:4:22 exporters.sink.endpoint:',
    'CFG_TYPE agent.yaml:4:42 exporters.sink.user:',
    'CFG_REFERENCE agent.yaml:7:24 service.pipelines.all.receivers[0]:',
    'CFG_REFERENCE agent.yaml:7:50 service.pipelines.all.exporters[1]:',
    'CFG_TYPE agent.yaml:8:12 service.pipelines.wrong:',
    'CFG_UNKNOWN_KEY agent.yaml:9:1 extra:',
  ])
})

test('a variable that holds a default of JavaScript objects is simply not set', async () => {
  for (const name of ['toString', 'constructor', '__proto__'])
    expect(await verdict(withSource(`    pattern: \${env:${name}}`))).toEqual([expect.stringContaining('is not set')])
})

test('an empty variable takes the default, as in a shell; without one it is empty text', async () => {
  const { receivers } = await parse(withSource('    pattern: ${env:EMPTY:-x}\n    match: ["${env:EMPTY}"]'), {
    EMPTY: '',
  })
  expect(receivers.get('source')!.config).toMatchObject({ pattern: 'x', match: [''] })
})
