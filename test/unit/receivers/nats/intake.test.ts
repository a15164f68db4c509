import { expect, test } from 'vitest'
import { ok, permanent } from '../../../../src/component/outcome.js'
import { type Batch, batchOf } from '../../../../src/data/batch.js'
import { OtlpEncoder } from '../../../../src/lib/otlp/encode.js'
import { type Delivered, Intake } from '../../../../src/receivers/nats/intake.js'
import { sampleEvent } from '../../../../src/testkit/sample.js'
import { type RecordingTelemetry, testSettings } from '../../../../src/testkit/test-settings.js'

function rig(outcome = ok) {
  const batches: Batch[] = []
  const settings = testSettings('receiver', 'nats')
  const next = {
    async consume(batch: Batch) {
      batches.push(batch)
      return outcome
    },
  }
  const names = () => batches.flatMap(({ events }) => events.map(({ name }) => name))
  return { intake: new Intake(settings, next, 4096), names, telemetry: settings.telemetry as RecordingTelemetry }
}

const encoder = new OtlpEncoder({ name: 'test', version: '1' })

function message(name: string, sequence: number, timestampNanos: bigint, more: Partial<Delivered> = {}) {
  const said: string[] = []
  const [request] = encoder.encode(batchOf({ events: [sampleEvent({ name })] }))
  const delivered: Delivered = {
    signal: 'logs',
    data: Buffer.concat(request!.chunks),
    ...{ sequence, timestampNanos },
    ack: () => said.push('ack'),
    later: () => said.push('later'),
    giveUp: () => said.push('give up'),
    ...more,
  }
  return { delivered, said }
}

test('a message that is delivered again is acknowledged, and not handed on again', async () => {
  const { intake, names, telemetry } = rig()
  for (let times = 0; times < 2; times++) {
    const { delivered, said } = message('a', 1, 10n)
    await intake.take(delivered)
    expect(said).toEqual(['ack'])
  }
  expect(names()).toEqual(['a'])
  expect(telemetry.counters.get('messages_again')).toBe(1)
})

test('a stream that was made anew numbers from 1 again: its messages are new ones', async () => {
  const { intake, names } = rig()
  await intake.take(message('before', 1, 10n).delivered)
  const { delivered, said } = message('after', 1, 20n)
  await intake.take(delivered)
  expect(said).toEqual(['ack'])
  expect(names()).toEqual(['before', 'after'])
})

for (const outcome of [ok, permanent('no')])
  test(`a message answered with ${outcome.kind} whose acknowledgement finds no connection is done with all the same`, async () => {
    const { intake, names } = rig(outcome as typeof ok)
    const gone = (): never => {
      throw new Error('closed connection')
    }
    await intake.take(message('a', 1, 10n, { ack: gone, giveUp: gone }).delivered).catch(() => {})
    const { delivered, said } = message('a', 1, 10n)
    await intake.take(delivered)
    expect(said).toEqual(['ack'])
    expect(names()).toEqual(['a'])
  })
