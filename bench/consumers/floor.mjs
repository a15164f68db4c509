// floor.mjs ADDRESS CGROUPS OTLP TRAFFIC [FILE HOW]: the least program that does what is asked of an agent, without a model: systemd's
// signals become objects, all cgroups are read each 10 s, and requests of ready-made bytes go to an OTLP server, as many as TRAFFIC says
// (JSON of agent/least.mjs). With FILE the changes of each batch are written there: HOW is `sync`, or `libuv` for a thread of its pool.
// Answers each line of input with counts.
import { openSync, write, writeSync } from 'node:fs'
import { connect } from 'node:http2'
import { native } from '../lib/product.mjs'
import { rules } from './meter.mjs'

const [address, cgroups, otlp, traffic, path, how] = process.argv.slice(2)
const kSampleMs = 10_000
const kPrefixBytes = 5
/** Its tag, and its length in five digits of seven bits. */
const kFieldHeadBytes = 6
const surface = await native()
const fd = path === undefined ? undefined : openSync(path, 'a')
const count = { records: 0, changes: 0, requests: 0, failed: 0, numbers: 0 }

/** When each unit's state changed last: systemd says everything twice. */
const stamps = new Map()

/** Defaults of the `systemd` receiver. */
const signals = surface.createSignalReader(
  {
    address,
    matchRules: rules,
    filter: { include: [], exclude: [], unitTypes: [] },
    ringRecords: 10_000,
    overflow: 'drop_oldest',
    maxBatchSize: 1000,
    batchTimeoutMs: 4,
    backpressurePercent: 80,
    captureBytes: 0,
  },
  (records) => {
    count.records += records.length
    const changes = []
    for (const record of records) {
      if (record.kind === 'disconnected') throw new Error(record.reason)
      if (record.kind !== 'unit_changed' || stamps.get(record.unit) === record.state.stateChangeUsec) continue
      stamps.set(record.unit, record.state.stateChangeUsec)
      changes.push(changeOf(record))
    }
    count.changes += changes.length
    if (fd !== undefined && changes.length > 0) save(`${JSON.stringify(lineOf(changes))}\n`)
  },
)

/** As a line of OTLP/JSON has it. */
function changeOf({ unit, state, realtimeNs }) {
  const timeUnixNano = `${state.stateChangeUsec}000`
  return {
    eventName: state.activeState,
    body: { stringValue: unit },
    timeUnixNano,
    observedTimeUnixNano: `${realtimeNs}`,
  }
}

function lineOf(logRecords) {
  return { resourceLogs: [{ scopeLogs: [{ logRecords }] }] }
}

let last = Promise.resolve()

function save(line) {
  if (how === 'sync') writeSync(fd, line)
  else last = last.then(() => new Promise((done) => write(fd, line, done)))
}

/** As the `cgroup` receiver has it. */
const opened = surface.createCgroupReader({
  root: cgroups,
  anyFilesystem: false,
  maxCgroups: 16_384,
  maxDepth: 32,
  maxOpenFiles: 10_000,
  walkIntervalMs: 600_000,
  groups: ['cpu', 'memory', 'memory_stat', 'io', 'pids', 'pressure'],
})
if (opened.unavailable !== undefined) throw new Error(opened.unavailable)

async function sample(times, message) {
  const pass = await opened.reader.sample()
  for (let i = 0; i < pass.length; i++) {
    const { numbers } = pass.reading(i)
    if (numbers !== undefined && numbers.words[numbers.at] >= 0) count.numbers++
  }
  for (let i = 0; i < times; i++) post('metrics.v1.MetricsService', message)
}

const session = connect(`http://${otlp}`)

/** One unary gRPC call. */
function post(service, message) {
  const stream = session.request({
    ':method': 'POST',
    ':path': `/opentelemetry.proto.collector.${service}/Export`,
    te: 'trailers',
    'content-type': 'application/grpc',
  })
  stream.on('trailers', (trailers) => {
    if (trailers['grpc-status'] === '0') count.requests++
    else count.failed++
  })
  stream.on('error', () => count.failed++)
  stream.resume()
  stream.end(message)
}

/**
 * A message of so many bytes with its gRPC prefix: one protobuf field that no message of OTLP has (15, of bytes), so that its server
 * has nothing to make of it.
 */
function messageOf(bytes) {
  const message = Buffer.alloc(kPrefixBytes + bytes)
  message.writeUInt32BE(bytes, 1)
  const length = bytes - kFieldHeadBytes
  const digits = [0, 7, 14, 21].map((shift) => ((length >> shift) & 0x7f) | 0x80)
  message.set([0x7a, ...digits, length >> 28], kPrefixBytes)
  return message
}

/** As evenly as a timer can. */
function atRate(perSecond, service, bytes) {
  if (perSecond === 0) return
  const message = messageOf(bytes)
  setInterval(() => post(service, message), 1000 / perSecond)
}

const { logs, metrics, traces } = JSON.parse(traffic)
atRate(logs.perSecond, 'logs.v1.LogsService', logs.bytes)
atRate(traces.perSecond, 'trace.v1.TraceService', traces.bytes)
const times = Math.max(1, Math.round((metrics.perSecond * kSampleMs) / 1000))
const points = messageOf(metrics.bytes)
setInterval(() => void sample(times, points), kSampleMs)
signals.start()
process.stdin.on('data', () => process.stdout.write(`${JSON.stringify(count)}\n`))
