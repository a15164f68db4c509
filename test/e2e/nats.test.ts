import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { afterEach, describe, expect, test } from 'vitest'
import type { Consumer } from '../../src/component/component.js'
import { type Outcome, ok, permanent, retryable } from '../../src/component/outcome.js'
import { type Batch, batchOf, countItems } from '../../src/data/batch.js'
import { ResourcePool } from '../../src/data/resource.js'
import { schema as exporterSchema } from '../../src/exporters/nats/config.js'
import { createNatsExporter } from '../../src/exporters/nats/nats.js'
import { schema as receiverSchema } from '../../src/receivers/nats/config.js'
import { createNatsReceiver } from '../../src/receivers/nats/nats-receiver.js'
import { createTestConfig } from '../../src/testkit/create-test-config.js'
import { type RecordingTelemetry, TestHost, testSettings } from '../../src/testkit/test-settings.js'
import { systemClock } from '../../src/util/clock.js'
import { type NatsServer, startNats } from '../support/start-nats.js'
import { makeAuthority } from '../support/tls-files.js'
import { failure, smallMachine, unitOf } from '../unit/exporters/prometheus/fixture.js'
import { startAgent, Workspace } from './agent.js'

// Debian's nats-server stands between agents and a gateway; it and the gateway are killed meanwhile.

const cleanUps: (() => Promise<unknown> | unknown)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

const t0 = 1_795_176_271_000_000_000n

test('what agents publish, the gateway hands on as it was', async () => {
  const nats = await started()
  const agent = await agentTo(nats)
  const machine = smallMachine(t0)
  expect(await agent.exporter.consume(machine)).toEqual({ kind: 'ok' })
  await agent.exporter.shutdown()
  expect(agent.telemetry.processedItems).toBe(countItems(machine))

  const gateway = await gatewayAt(nats)
  await until(() => gateway.items() === countItems(machine))
  const [logs, metrics] = [
    gateway.batches.find(({ events }) => events.length > 0)!,
    gateway.batches.find((b) => b.metrics.length > 0)!,
  ]
  expect(logs.events.map(({ name, traceId, timeUnixNano }) => ({ name, traceId, timeUnixNano }))).toEqual(
    machine.events.map(({ name, traceId, timeUnixNano }) => ({ name, traceId, timeUnixNano })),
  )
  // By resource: that is how a request has them.
  expect(metrics.metrics.map(({ name }) => name).sort()).toEqual(machine.metrics.map(({ name }) => name).sort())
  expect(gateway.host.last).toEqual({ state: 'ok' })
  await gateway.receiver.shutdown()
  expect(await pendingIn(nats)).toEqual({ messages: 0, ackPending: 0 })
})

describe('nothing is lost, and nothing comes twice', () => {
  for (const signal of ['SIGTERM', 'SIGKILL'] as const)
    test(`when the server is ended (${signal}) and started again between agents and gateway`, async () => {
      const nats = await started()
      const gateway = await gatewayAt(nats)
      const agents = await Promise.all(
        ['a', 'b', 'c'].map((name) => agentTo(nats, { retry: quick, circuit_breaker: { timeout: '100ms' } }, name)),
      )
      let sent = 0
      const send = async (count: number): Promise<void> => {
        for (let n = 0; n < count; n++)
          for (const { exporter } of agents) expect(await exporter.consume(numbered(sent++))).toEqual({ kind: 'ok' })
      }
      await send(50)
      const meanwhile = send(100)
      await nats.restart(signal, () => send(50))
      await meanwhile
      await send(50)
      for (const { exporter, telemetry } of agents) {
        await exporter.shutdown()
        expect([...telemetry.drops]).toEqual([])
      }
      await until(() => gateway.numbers().length >= sent)
      await gateway.receiver.shutdown()
      expect(gateway.numbers().sort((a, b) => a - b)).toEqual(Array.from({ length: sent }, (_, n) => n))
    })

  test('when the pipeline refuses for a while: the message comes again, no sooner than it asked for', async () => {
    const nats = await started()
    const agent = await agentTo(nats)
    await agent.exporter.consume(numbered(1))
    await agent.exporter.shutdown()
    const at: number[] = []
    const answers: Outcome[] = [retryable('busy', 300), retryable('busy', 300), ok]
    const gateway = await gatewayAt(nats, {}, () => {
      at.push(performance.now())
      return answers[at.length - 1]!
    })
    await until(() => gateway.telemetry.processedItems === 1)
    await gateway.receiver.shutdown()
    expect(at).toHaveLength(3)
    expect(at[2]! - at[0]!).toBeGreaterThanOrEqual(590)
    expect(await pendingIn(nats)).toEqual({ messages: 0, ackPending: 0 })
  })

  test('when the pipeline takes longer than ack_wait: the message is not given to another gateway', async () => {
    const nats = await started()
    const agent = await agentTo(nats)
    await agent.exporter.consume(numbered(1))
    await agent.exporter.shutdown()
    // Said to be in hand each third of ack_wait: of six seconds a machine may let us stand still for four.
    const slow = () => new Promise<Outcome>((resolve) => setTimeout(() => resolve(ok), 8000))
    const gateways = [await gatewayAt(nats, { ack_wait: '6s' }, slow), await gatewayAt(nats, { ack_wait: '6s' }, slow)]
    await until(() => gateways.some(({ telemetry }) => telemetry.processedItems > 0))
    await Promise.all(gateways.map(({ receiver }) => receiver.shutdown()))
    expect(gateways.flatMap((gateway) => gateway.numbers())).toEqual([1])
  })
})

test('a message that the pipeline refuses for good does not come again; nor does one that is none', async () => {
  const nats = await started()
  const agent = await agentTo(nats)
  await agent.exporter.consume(numbered(1))
  await agent.exporter.shutdown()
  const connection = await connect({ servers: nats.url })
  await jetstream(connection).publish('unitscope.logs.rogue', new Uint8Array([255, 255, 255]))
  await jetstream(connection).publish('unitscope.else.rogue', new Uint8Array([1]))
  await jetstream(connection).publish('unitscope.logs.rogue', new Uint8Array(3000))
  await connection.close()
  const gateway = await gatewayAt(nats, { max_message_size: '2KiB' }, () => permanent('no'))
  await until(() => gateway.telemetry.counters.get('messages_given_up') === 3 && gateway.numbers().length === 1)
  await gateway.receiver.shutdown()
  expect(gateway.telemetry.errors.get('malformed_message')).toBe(3)
  expect(await pendingIn(nats)).toEqual({ messages: 0, ackPending: 0 })
})

test('a gateway process that is killed is replaced: nothing is lost, and twice comes only what it had in hand', async () => {
  const nats = await started()
  const workspace = new Workspace()
  cleanUps.push(() => workspace.remove())
  const out = join(workspace.folder, 'out.jsonl')
  const maxAckPending = 8
  const config = workspace.writeConfig({
    receivers: { nats: { servers: [nats.url], max_ack_pending: maxAckPending, ack_wait: '4s' } },
    exporters: { file: { path: out } },
    service: { pipelines: { main: { receivers: ['nats'], exporters: ['file'] } } },
  })
  const agent = await agentTo(nats, { sending_queue: { request_interval: '0s' } })
  const total = 2000
  for (let n = 0; n < total; n++)
    while ((await agent.exporter.consume(numbered(n))).kind !== 'ok')
      await new Promise((resolve) => setTimeout(resolve, 20))

  const numbersOut = (): number[] => (existsSync(out) ? numbersOfLines(readFileSync(out, 'utf8')) : [])
  let kills = 0
  for (let goal = 200; goal < total; goal += 600) {
    const gateway = startAgent(['run', '--config', config])
    await until(() => numbersOut().length >= goal)
    await gateway.stop('SIGKILL')
    kills++
  }
  const last = startAgent(['run', '--config', config])
  await until(() => new Set(numbersOut()).size === total)
  // Of what the last killed gateway had in hand some is in the file: it comes again once ack_wait is over, for want of an acknowledgement.
  await until(async () => (await pendingIn(nats)).messages === 0)
  expect(await last.stop()).toMatchObject({ code: 0 })
  await agent.exporter.shutdown()
  const numbers = numbersOut()
  expect(kills).toBe(3)
  expect(new Set(numbers).size).toBe(total)
  expect(numbers.length - total).toBeLessThanOrEqual(kills * maxAckPending)
  expect(await pendingIn(nats)).toEqual({ messages: 0, ackPending: 0 })
})

test('a request that is published twice is kept once: the stream knows it by its bytes', async () => {
  const nats = await started()
  // Two agents of one name, as one that was restarted before it heard that its request was taken.
  for (let times = 0; times < 2; times++) {
    const { exporter, telemetry } = await agentTo(nats)
    await exporter.consume(numbered(7))
    await exporter.shutdown()
    expect(telemetry.processedItems).toBe(1)
    expect(telemetry.counters.get('duplicates') ?? 0).toBe(times)
  }
  const gateway = await gatewayAt(nats)
  await until(() => gateway.numbers().length > 0)
  await gateway.receiver.shutdown()
  expect(gateway.numbers()).toEqual([7])
})

test('a large batch is split into messages that the server takes, and they are not joined past it', async () => {
  const nats = await started()
  const { exporter, telemetry } = await agentTo(nats, { max_message_size: '16KiB' })
  const events = Array.from({ length: 3000 }, (_, n) => numbered(n).events[0]!)
  expect(await exporter.consume(batchOf({ events }))).toEqual({ kind: 'ok' })
  await exporter.shutdown()
  expect(telemetry.processedItems).toBe(3000)
  const gateway = await gatewayAt(nats)
  await until(() => gateway.numbers().length === 3000)
  await gateway.receiver.shutdown()
  expect(gateway.batches.length).toBeGreaterThan(5)
  expect(gateway.numbers().sort((a, b) => a - b)).toEqual(events.map((_, n) => n))
})

test('a full stream makes the agent wait, and nothing is lost once a gateway fetches', async () => {
  const nats = await started()
  const small = {
    create_stream: { max_bytes: '64KiB' },
    sending_queue: { request_interval: '0s' },
    retry: quick,
    circuit_breaker: { timeout: '100ms' },
  }
  const { exporter, telemetry, host } = await agentTo(nats, small)
  const events = (n: number) => numbered(n, 'x'.repeat(10_000))
  for (let n = 0; n < 20; n++) expect(await exporter.consume(events(n))).toEqual({ kind: 'ok' })
  await until(() => host.last?.state === 'degraded')
  expect(host.last).toMatchObject({ reason: expect.stringContaining('the stream is full') })
  const gateway = await gatewayAt(nats)
  await until(() => gateway.numbers().length === 20)
  await exporter.shutdown()
  await gateway.receiver.shutdown()
  expect([...telemetry.drops]).toEqual([])
  expect(gateway.numbers().sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, n) => n))
})

test('a stream that is deleted while all are connected is made again: what is sent from then on arrives', async () => {
  const nats = await started()
  const { exporter, telemetry } = await agentTo(nats, { retry: quick, circuit_breaker: { timeout: '100ms' } })
  const gateway = await gatewayAt(nats)
  await exporter.consume(numbered(1))
  await until(() => gateway.numbers().length === 1)
  await deleteStream(nats)
  await exporter.consume(numbered(2))
  await until(() => gateway.numbers().length === 2)
  await exporter.shutdown()
  await gateway.receiver.shutdown()
  expect(gateway.numbers()).toEqual([1, 2])
  expect([...telemetry.drops]).toEqual([])
})

test('an agent alone makes the stream again', async () => {
  const nats = await started()
  const { exporter, telemetry } = await agentTo(nats, { retry: quick, circuit_breaker: { timeout: '100ms' } })
  await exporter.consume(numbered(1))
  await until(() => telemetry.processedItems === 1)
  await deleteStream(nats)
  await exporter.consume(numbered(2))
  await until(() => telemetry.processedItems === 2)
  await exporter.shutdown()
})

describe('what is not as it should be is told, with what to do', () => {
  test('no server: which one is named on both sides', async () => {
    const nowhere = { url: 'nats://127.0.0.1:1' }
    const gateway = await gatewayAt(nowhere)
    const agent = await agentTo(nowhere, { retry: { max_retries: 1, initial_delay: '1ms' } })
    await agent.exporter.consume(numbered(1))
    const reasons = () => [gateway, agent].map(({ host: { last } }) => (last?.state === 'degraded' ? last.reason : ''))
    await until(() => reasons().every((reason) => reason !== ''))
    expect(reasons()).toEqual([
      'NATS at nats://127.0.0.1:1: connection refused',
      expect.stringMatching(/^ConnectionError: connection refused \(nats:\/\/127\.0\.0\.1:1\)/),
    ])
    await Promise.all([gateway.receiver.shutdown(), agent.exporter.shutdown()])
  })

  test('no stream, and none is to be made', async () => {
    const nats = await started()
    const gateway = await gatewayAt(nats, { create_stream: { enabled: false } })
    await until(() => gateway.host.last?.state === 'degraded')
    expect(gateway.host.last).toMatchObject({
      reason: expect.stringContaining('there is no stream UNITSCOPE: make one with the subject unitscope.>'),
    })
    await gateway.receiver.shutdown()
  })

  test('a stream of that name that is for something else', async () => {
    const nats = await started()
    const connection = await connect({ servers: nats.url })
    await (await jetstreamManager(connection)).streams.add({ name: 'UNITSCOPE', subjects: ['orders.>'] })
    await connection.close()
    const gateway = await gatewayAt(nats)
    await until(() => gateway.host.last?.state === 'degraded')
    expect(gateway.host.last).toMatchObject({ reason: expect.stringContaining('does not take unitscope.>') })
    await gateway.receiver.shutdown()
  })
})

test('over TLS, with a token from a file: who has neither is not let in', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'unitscope-nats-tls-'))
  cleanUps.push(() => rmSync(folder, { recursive: true }))
  const authority = makeAuthority(folder, 'ca')
  const { certFile, keyFile } = authority.issue('server', ['IP:127.0.0.1'])
  const token = join(folder, 'token')
  writeFileSync(token, 's3cret\n', { mode: 0o600 })
  const nats = await started(
    `tls { cert_file: "${certFile}", key_file: "${keyFile}" }\nauthorization { token: "s3cret" }`,
  )
  const tls = { ca_file: authority.caFile }
  const good = { tls, credentials: { token_file: token } }

  const agent = await agentTo(nats, good)
  await agent.exporter.consume(numbered(1))
  await agent.exporter.shutdown()
  expect(agent.telemetry.processedItems, JSON.stringify(agent.host.reports)).toBe(1)
  for (const wrong of [{ tls }, { credentials: { token_file: token } }]) {
    const stranger = await agentTo(nats, { ...wrong, retry: { max_retries: 1, initial_delay: '1ms' } })
    await stranger.exporter.consume(numbered(2))
    await until(() => stranger.telemetry.drops.get('retry_exhausted') === 1)
    await stranger.exporter.shutdown()
    expect(JSON.stringify(stranger.host.reports)).not.toContain('s3cret')
  }
  const gateway = await gatewayAt(nats, good)
  await until(() => gateway.numbers().length === 1)
  await gateway.receiver.shutdown()
  expect(gateway.numbers()).toEqual([1])
})

async function deleteStream({ url }: NatsServer): Promise<void> {
  const connection = await connect({ servers: url })
  await (await jetstreamManager(connection)).streams.delete('UNITSCOPE')
  await connection.close()
}

const quick = { initial_delay: '20ms', max_delay: '200ms' }

async function started(more?: string): Promise<NatsServer> {
  const server = await startNats(more)
  cleanUps.push(() => server.stop())
  return server
}

async function agentTo({ url }: { readonly url: string }, written: Record<string, unknown> = {}, name = 'node1') {
  const resources = new ResourcePool({ 'host.name': name })
  const settings = testSettings('exporter', 'nats', { clock: systemClock, resources })
  // A server that gets no CPU for some seconds loses nothing by that.
  const sending_queue = { shutdown_timeout: '60s', ...(written['sending_queue'] as object | undefined) }
  const exporter = createNatsExporter(
    settings,
    createTestConfig(exporterSchema, { servers: [url], ...written, sending_queue }),
  )
  const host = new TestHost()
  await exporter.start(host)
  return { exporter, host, telemetry: settings.telemetry as RecordingTelemetry }
}

async function gatewayAt(
  { url }: { readonly url: string },
  written: Record<string, unknown> = {},
  answer: () => Outcome | Promise<Outcome> = () => ok,
) {
  const batches: Batch[] = []
  const next: Consumer = {
    async consume(batch) {
      const outcome = await answer()
      if (outcome.kind !== 'retryable') batches.push(batch)
      return outcome
    },
  }
  const settings = testSettings('receiver', 'nats', { clock: systemClock })
  const receiver = createNatsReceiver(settings, createTestConfig(receiverSchema, { servers: [url], ...written }), next)
  const host = new TestHost()
  await receiver.start(host)
  return {
    receiver,
    host,
    batches,
    telemetry: settings.telemetry as RecordingTelemetry,
    items: () => batches.reduce((sum, batch) => sum + countItems(batch), 0),
    numbers: () => batches.flatMap(({ events }) => events.map(({ attributes }) => Number(attributes['n']))),
  }
}

function numbered(n: number, body = ''): Batch {
  return batchOf({ events: [{ ...failure(unitOf('a.service'), t0), attributes: { n }, body }] })
}

function numbersOfLines(text: string): number[] {
  return text
    .slice(0, text.lastIndexOf('\n') + 1)
    .split('\n')
    .filter(Boolean)
    .flatMap((line) => [...line.matchAll(/"key":"n","value":\{"intValue":"(\d+)"/g)].map(([, n]) => Number(n)))
}

/** What the stream has, and what is delivered without an acknowledgement. */
async function pendingIn({ url }: NatsServer): Promise<{ messages: number; ackPending: number }> {
  const connection = await connect({ servers: url })
  const manager = await jetstreamManager(connection)
  const { state } = await manager.streams.info('UNITSCOPE')
  const { num_ack_pending } = await manager.consumers.info('UNITSCOPE', 'unitscope-gateway')
  await connection.close()
  return { messages: state.messages, ackPending: num_ack_pending }
}

/** Waits for nearly as long as a test may take: what takes 10 s here took over 60 where others had the CPU. */
async function until(isSo: () => boolean | Promise<boolean>, maxMs = 200_000): Promise<void> {
  for (const startMs = performance.now(); !(await isSo()); ) {
    if (performance.now() - startMs > maxMs) throw new Error('it never came to it')
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
