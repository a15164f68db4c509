// A day of a busy host in minutes: ten million signals of a stand-in for systemd over a real bus, through the built reader, tracker,
// pipeline and exporters in this process, with units that go and others that come. Between floods all comes to rest, and the books
// are compared: what was sent, read, dropped, told, exported, and what the server at the other end counted.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { freePort } from '../../bench/agent/agent.mjs'
import { Flood } from '../../bench/lib/flood.mjs'
import { product } from '../../bench/lib/product.mjs'
import { Books, isAtRest } from './books.mjs'
import { Growth } from './growth.mjs'

export const about =
  'ten million signals through a whole agent, with units that come and go: nothing grows, nothing is unaccounted for'
export const usage = `  --signals N    signals in all (10000000)
  --parts N      in so many floods, between which all comes to rest (60); memory is judged from 60 on
  --rate N       a second; 0 is as fast as the bus takes them (0)
  --buffer N     signals the agent holds between bus thread and pipeline (200000): a whole flood, so that none is lost and all
                 is told; with few (1000) most of the run is losses and new readings of all units
  --bus KIND     dbus-daemon (default) or dbus-broker`

const kUnits = 1000
const kParts = 60
/** Of the floods, before the first sample: every name has come round, and what remembers units that are gone has all it may. */
const kWarmUp = 1 / 3
/** Units that go, and others that come in their place, before each flood. */
const kRenewed = 250
/** A start takes 2 s; where others had the CPU it took over 60. */
const kRestLimitMs = 200_000

/** pipelines/host.yaml but for cgroups, which the stand-in has none of; nothing is held back for being too much. */
function configuration(address, endpoint, port, buffer) {
  const all = ['memory_limiter', 'crash_loop', 'lifecycle_spans', 'batch']
  return {
    receivers: {
      systemd: { address, signal_buffer_size: buffer, max_events_per_second: 1_000_000 },
      self_telemetry: {},
    },
    processors: { memory_limiter: { limit: '1GiB' }, crash_loop: {}, lifecycle_spans: {}, batch: {} },
    exporters: { otlp: { endpoint }, prometheus: { endpoint: `127.0.0.1:${port}` } },
    service: {
      pipelines: {
        units: { receivers: ['systemd'], processors: all, exporters: ['otlp', 'prometheus'] },
        metrics: {
          receivers: ['self_telemetry'],
          processors: ['memory_limiter', 'batch'],
          exporters: ['otlp', 'prometheus'],
        },
      },
    },
  }
}

async function startSink() {
  const child = fork(fileURLToPath(new URL('counting-sink.mjs', import.meta.url)), { execArgv: [] })
  const [address] = await once(child, 'message')
  return {
    address,
    async counted() {
      child.send('count')
      return (await once(child, 'message'))[0]
    },
    async end() {
      child.disconnect()
      await once(child, 'exit')
    },
  }
}

/** The agent in this process, its reader's records counted on their way. */
async function startAgent(config, books) {
  const [{ loadConfig }, { registrations }, { createService }, { loadNative }, { createSystemdReceiver }] =
    await Promise.all(
      [
        'config/config.js',
        'registry.js',
        'service/service.js',
        'binding/native.js',
        'receivers/systemd/systemd-receiver.js',
      ].map(product),
    )
  const { connectControlPlane } = await product('lib/systemd/control-plane.js')
  const { createLogger } = await product('telemetry/logger.js')
  const { logDestination } = await product('telemetry/log-destination.js')
  const { systemClock } = await product('util/clock.js')
  const { native, unavailable } = loadNative()
  if (unavailable !== undefined) throw new TypeError(unavailable)
  const source = {
    connect: connectControlPlane,
    native: {
      createSignalReader: (options, take) =>
        books.audit((records) => native.createSignalReader(options, records), take),
    },
  }
  const audited = registrations.map((one) =>
    one.kind === 'receiver' && one.type === 'systemd'
      ? {
          ...one,
          load: async () => ({
            ...(await one.load()),
            create: (settings, own, next) => createSystemdReceiver(settings, own, next, source),
          }),
        }
      : one,
  )
  const folder = mkdtempSync(join(tmpdir(), 'soak-'))
  try {
    const file = join(folder, 'agent.yaml')
    writeFileSync(file, JSON.stringify(config), { mode: 0o600 })
    const service = createService({
      config: await loadConfig(file, audited, {}),
      logger: createLogger({
        level: 'warn',
        format: 'text',
        color: false,
        clock: systemClock,
        sink: logDestination(2),
      }),
      clock: systemClock,
      random: Math.random,
      version: 'soak',
    })
    await service.start()
    return service
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function optionsOf(argv) {
  const { values } = parseArgs({
    args: argv,
    options: {
      signals: { type: 'string', default: '10000000' },
      parts: { type: 'string', default: `${kParts}` },
      rate: { type: 'string', default: '0' },
      buffer: { type: 'string', default: '200000' },
      bus: { type: 'string', default: 'dbus-daemon' },
    },
  })
  const wholeFrom = (name, least) => {
    const value = Number(values[name])
    if (!Number.isInteger(value) || value < least)
      throw new RangeError(`--${name} must be a whole number from ${least}`)
    return value
  }
  const parts = wholeFrom('parts', 3)
  return {
    parts,
    signals: wholeFrom('signals', parts * kUnits),
    rate: wholeFrom('rate', 0),
    buffer: wholeFrom('buffer', 100),
    bus: values.bus,
  }
}

/** All units have been read: until then a change is only noted. */
function isWatching(service) {
  return service.status().every(({ id, status }) => id.kind !== 'receiver' || status.state === 'ok')
}

/** Waits for what nothing signals. False when it does not come about. */
async function comesTrue(probe) {
  for (const end = performance.now() + kRestLimitMs; performance.now() < end; await sleep(5)) if (probe()) return true
  return false
}

export async function soak(argv) {
  const { signals, parts, rate, buffer, bus } = optionsOf(argv)
  const books = new Books()
  const growth = new Growth()
  const began = performance.now()
  const flood = await Flood.start(bus, kUnits)
  const sink = await startSink()
  try {
    const port = await freePort()
    const service = await startAgent(configuration(flood.address, sink.address, port, buffer), books)
    const atRest = () => isAtRest(service.summary().ledger)
    try {
      await flood.send(2 * kUnits, 0) // every unit has been heard of, and code has run for the first time
      if (!(await comesTrue(() => isWatching(service) && atRest()))) throw new Error('the agent does not come to rest')
      books.open()
      for (let part = 1; part <= parts; part++) {
        books.sent(await flood.renew(kRenewed))
        books.begin()
        books.flooded(await flood.send(Math.round(signals / parts / 2) * 2, rate))
        await comesTrue(() => books.complete && atRest())
        books.compare(service.summary().ledger)
        await (await fetch(`http://127.0.0.1:${port}/metrics`)).arrayBuffer()
        if (part > parts * kWarmUp) await growth.sample(books.signals)
      }
    } finally {
      await service.shutdown()
    }
    books.close(service.summary().ledger, await sink.counted())
  } finally {
    await sink.end()
    await flood.end()
  }
  return report(
    books,
    [...books.faults, ...growth.faults({ memory: parts >= kParts })],
    growth,
    (performance.now() - began) / 1000,
  )
}

function report(books, faults, growth, seconds) {
  const { signals, changes, changesGiven, given, missing, made, dropped, served } = books
  const lost = Object.entries(dropped).map(([reason, count]) => `${count} ${reason}`)
  console.log(
    `${signals} signals in ${seconds.toFixed(0)} s, ${changes} changes of state; ${given} records given (${changesGiven} changes), ${missing} missing`,
  )
  console.log(
    `${made} items made by receivers; dropped: ${lost.join(', ') || 'none'}; ` +
      `the server counted ${served.logs} events, ${served.traces} spans, ${served.metrics} points in ${served.requests} requests`,
  )
  console.log(growth.words('signals'))
  for (const fault of faults.slice(0, 20)) console.error(fault)
  console.log(faults.length === 0 ? 'all accounted for, nothing grew' : `${faults.length} faults`)
  return faults.length === 0
}
