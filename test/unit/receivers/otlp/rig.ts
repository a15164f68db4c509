import { status } from '@grpc/grpc-js'
import { type Outcome, ok } from '../../../../src/component/outcome.js'
import { type Batch, batchOf } from '../../../../src/data/batch.js'
import { OtlpEncoder } from '../../../../src/lib/otlp/encode.js'
import type { Config } from '../../../../src/receivers/otlp/config.js'
import { factory } from '../../../../src/receivers/otlp/factory.js'
import { createOtlpReceiver } from '../../../../src/receivers/otlp/otlp-receiver.js'
import { createTestConfig } from '../../../../src/testkit/create-test-config.js'
import { FakeClock } from '../../../../src/testkit/fake-clock.js'
import { type RecordingTelemetry, TestHost, testSettings } from '../../../../src/testkit/test-settings.js'
import { freePort } from '../../../support/free-port.js'

export { status }

const cleanUps: (() => unknown)[] = []

/** For `afterEach`. */
export async function cleanUp(): Promise<void> {
  for (const one of cleanUps.splice(0).reverse()) await one()
}

export function own<T extends { close(): unknown }>(one: T): T {
  cleanUps.push(() => one.close())
  return one
}

/** A receiver that listens, with what it hands on answered by `respond`. */
export async function startReceiver(
  config: object = {},
  respond: (batch: Batch) => Outcome | Promise<Outcome> = () => ok,
) {
  const clock = new FakeClock()
  const settings = testSettings('receiver', 'otlp', { clock })
  const batches: Batch[] = []
  const port = await freePort()
  const full = createTestConfig(factory.configSchema, {
    protocols: { grpc: { endpoint: `127.0.0.1:${port}` } },
    ...config,
  }) as Config
  const receiver = createOtlpReceiver(settings, full, {
    consume: async (batch) => {
      batches.push(batch)
      return respond(batch)
    },
  })
  await receiver.start(new TestHost())
  cleanUps.push(() => receiver.shutdown())
  return { receiver, port, batches, clock, telemetry: settings.telemetry as RecordingTelemetry }
}

/** The same over HTTP. */
export async function startHttpReceiver(config: object = {}, respond?: (batch: Batch) => Outcome | Promise<Outcome>) {
  const port = await freePort()
  const protocols = { http: { endpoint: `127.0.0.1:${port}` } }
  return { ...(await startReceiver({ protocols, ...config }, respond)), port }
}

const encoder = new OtlpEncoder({ name: 'test', version: '1' })

/** A request as this agent's exporter would send it. */
export function requestOf(part: Partial<Batch>): Buffer {
  const [request] = encoder.encode(batchOf(part))
  return Buffer.concat(request!.chunks)
}
