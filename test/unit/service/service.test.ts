import { expect, it } from 'vitest'
import type { AgentConfig } from '../../../src/config/agent-config.js'
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
