import { createRequire } from 'node:module'
import { compileAddon } from '../lib/compile.mjs'
import { addon, product, recordedChunks } from '../lib/product.mjs'

/** Copies of the recording in a run; each gives some 900 events. */
const kCopies = 60
/** As many as one turn of the event loop gives to the product's listener. */
const kTake = 1000

const options = {
  filter: { include: [], exclude: [], unitTypes: [] },
}

/** What a listener looks at first; the sum keeps the engine from leaving it out. */
function look(record, seen) {
  seen.events++
  if (record.kind === 'unit_changed') {
    const { activeState, subState, nRestarts, stateChangeUsec, invocationId } = record.state
    seen.sum += activeState.length + subState.length + nRestarts + stateChangeUsec + invocationId.length
  }
  seen.sum += record.unit?.length ?? 0
}

const nsPer = (context, start, events) => ({ nsPerEvent: (context.threadCpuNs() - start) / events })

/** @type {import('../lib/case.d.mts').Case<any>} */
export default {
  id: 'napi',
  question: 'What does it cost JavaScript to be handed an event by a native thread?',
  notes:
    'CPU of the main thread alone. unitscope: all records of the recording, parsed beforehand, are drained in whole batches into a ' +
    'buffer that JavaScript owns, decoded, and looked at. The other way makes an object with the same fields in C++ and calls a ' +
    'thread-safe function with it, once for each event.',
  figures: { nsPerEvent: { title: 'main thread CPU ns per event', ratio: true } },
  async setUp() {
    const { RecordDrain } = await product('binding/record-drain.js')
    const handover = createRequire(import.meta.url)(compileAddon('handover'))
    return { ...handover, RecordDrain, Parser: addon().SignalParser, whole: Buffer.concat(await recordedChunks()) }
  },
  ways: [
    {
      name: 'unitscope: drain and decode',
      run(context) {
        const parser = new context.Parser(options)
        for (let i = 0; i < kCopies; i++) parser.feed(context.whole, 1n, 1n)
        const drain = new context.RecordDrain(parser)
        const seen = { events: 0, sum: 0 }
        const start = context.threadCpuNs()
        for (let records = drain.take(kTake); records.length > 0; records = drain.take(kTake)) {
          for (const record of records) look(record, seen)
        }
        const figures = nsPer(context, start, seen.events)
        if (seen.events !== parser.stats().records)
          throw new Error(`${seen.events} of ${parser.stats().records} records`)
        context.events = seen.events
        return figures
      },
    },
    {
      name: 'one call with an object per event',
      async run(context) {
        const seen = { events: 0, sum: 0 }
        const start = context.threadCpuNs()
        await new Promise((resolve) => {
          context.oneCallPerEvent(context.events, (record) => {
            look(record, seen)
            if (seen.events === context.events) resolve()
          })
        })
        return nsPer(context, start, seen.events)
      },
    },
  ],
  gates: [
    {
      figure: 'nsPerEvent',
      way: 'one call with an object per event',
      over: 'unitscope: drain and decode',
      atLeast: 20,
      aim: 60,
    },
  ],
}
