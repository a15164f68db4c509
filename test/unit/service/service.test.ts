import { describe, expect, it } from 'vitest'
import type { AgentConfig } from '../../../src/config/agent-config.js'
import { ConfigError } from '../../../src/errors.js'
import { createService } from '../../../src/service/service.js'
import { createLogger } from '../../../src/telemetry/logger.js'
import { FakeClock } from '../../../src/testkit/fake-clock.js'

const config: AgentConfig = {
  receivers: new Map(),
  processors: new Map(),
  exporters: new Map(),
  extensions: new Map(),
  pipelines: [],
  extensionIds: [],
  telemetry: { log_level: 'error', log_format: 'json' },
  maintenance: [],
  warnings: [],
}

it('counts as uptime what passed until the shutdown began, not how long that took', async () => {
  const clock = new FakeClock()
  const sink = { write: () => true } as never
  const logger = createLogger({ level: 'error', format: 'json', color: false, clock, sink })
  const service = createService({ config, logger, clock, random: Math.random, version: '0' })
  await service.start()
  await clock.advance(15_000)
  expect(service.summary().uptimeMs).toBe(15_000)
  const stopped = service.shutdown()
  await clock.advance(5000)
  await stopped
  await service.shutdown()
  expect(service.summary().uptimeMs).toBe(15_000)
})

describe('a changed configuration', () => {
  /** Lines of the log as `level: message`, with what they say of it. */
  async function rig() {
    const lines: [line: string, fields: unknown][] = []
    const log = (level: string) => (message: string, fields?: unknown) =>
      void lines.push([`${level}: ${message}`, fields])
    const levels = { debug: () => {}, info: log('info'), warn: log('warn'), error: log('error') }
    const logger = { ...levels, child: () => levels, lostLines: 0, flush: () => {}, close: async () => {} }
    const service = createService({ config, logger, clock: new FakeClock(), random: Math.random, version: '0' })
    await service.start()
    return { service, lines }
  }

  it('that is wrong is told of with file, line and key, and nothing else happens', async () => {
    const { service, lines } = await rig()
    const position = { file: 'agent.yaml', line: 3, column: 5 }
    const problem = { code: 'CFG_TYPE', position, key: 'receivers.x.y', reason: 'must be a number' } as const
    await service.reload(() => Promise.reject(new ConfigError([problem])))
    const message = 'error: the changed configuration is wrong: the one before goes on'
    expect(lines).toEqual([[message, { problems: ['agent.yaml:3:5 receivers.x.y: must be a number'] }]])
  })

  it('in what is settled at the start is taken over but for that, and says so', async () => {
    const { service, lines } = await rig()
    const changed = { ...config, telemetry: { ...config.telemetry, log_level: 'debug' as const }, statusSocket: '/x' }
    await service.reload(async () => changed)
    const kept = { keys: ['service.telemetry', 'service.status_socket'] }
    expect(lines).toEqual([
      ['info: configuration reloaded', { components: 0 }],
      ['warn: changed, but only a restart of the agent applies it', kept],
    ])
    lines.length = 0
    await service.reload(async () => config)
    expect(lines, 'back to what is in use').toEqual([['info: configuration reloaded', { components: 0 }]])
  })

  it('that comes while the agent stops is not looked at', async () => {
    const { service, lines } = await rig()
    const stopped = service.shutdown()
    await service.reload(() => Promise.reject(new Error('read')))
    await stopped
    expect(lines).toEqual([])
  })
})
