// unitscope.mjs ADDRESS BATCH_TIMEOUT [STALL_MS]: listens with the product's own reader, as its systemd receiver does.
// BATCH_TIMEOUT: ms, or `default`, that of the receiver's configuration.
import { readdirSync, readFileSync } from 'node:fs'
import { native, product } from '../lib/product.mjs'
import { Meter, rules, serve, tell } from './meter.mjs'

const [address, batchTimeout, stallMs = '0'] = process.argv.slice(2)
const { schema } = await product('receivers/systemd/config.js')
const { parseDuration } = await product('util/duration.js')
const { properties } = schema
const batchTimeoutMs =
  batchTimeout === 'default' ? parseDuration(properties.batch_timeout.default) : Number(batchTimeout)
const { createSignalReader, clockPair } = await native()

/** CLOCK_BOOTTIME, in which records say when they were read, goes on while the machine sleeps. */
const kSuspendedNs = clockPair().boottimeNs - process.hrtime.bigint()

await serve(
  () =>
    new Promise((resolve, reject) => {
      let task
      let marks = 0
      let delivered = 0
      let lost = 0
      let gaps = 0
      const meter = new Meter(() => {
        const { matched, suppressed, records, dropped } = reader.stats()
        task ??= readerTask()
        const readerUs = cpuNs(task) / 1000
        return { signals: matched - marks, suppressed, records, dropped, delivered, lost, gaps, readerUs }
      }, Number(stallMs))
      const reader = createSignalReader(
        {
          address,
          matchRules: rules,
          filter: { include: [], exclude: [], unitTypes: [] },
          ringRecords: properties.signal_buffer_size.default,
          overflow: properties.overflow_policy.default,
          maxBatchSize: properties.max_batch_size.default,
          batchTimeoutMs,
          backpressurePercent: properties.backpressure_threshold.default * 100,
          captureBytes: 0,
        },
        (records) => {
          for (const record of records) {
            if (record.kind !== 'lost') delivered++
            if (record.kind === 'unit_changed') meter.state(record.unit, record.state.stateChangeUsec)
            else if (record.kind === 'unit_new') {
              marks++
              meter.unitNew(record.unit, Number(record.boottimeNs - kSuspendedNs) / 1000)
            } else if (record.kind === 'lost') {
              gaps++
              lost += record.count
            } else if (record.kind === 'connected') tell('ready')
            else if (record.kind === 'disconnected') reject(new Error(record.reason))
          }
          if (meter.over) void reader.close().then(resolve)
        },
      )
      reader.start()
    }),
)

/** The reader's thread, by its name. */
function readerTask() {
  const name = (task) => readFileSync(`/proc/self/task/${task}/comm`, 'latin1')
  return readdirSync('/proc/self/task').findLast((task) => name(task) === 'unitscope-bus\n')
}

/** The first of schedstat is the time on a CPU (proc(5); Documentation/scheduler/sched-stats.rst). */
function cpuNs(task) {
  return Number(readFileSync(`/proc/self/task/${task}/schedstat`, 'latin1').split(' ')[0])
}
