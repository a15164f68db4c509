import { setTimeout as sleep } from 'node:timers/promises'
import { startAsked } from '../agent/asked.mjs'
import { startForwarder } from '../agent/forwarder.mjs'
import { cpuUs, memoryKiB } from '../agent/process.mjs'
import { kSpans } from '../agent/span-requests.mjs'
import { amount } from '../lib/amount.mjs'

/** As many as an exporter has under way, of each of four agents. */
const kAtOnce = 16
const requestsOf = { whole: 2000, quick: 100, once: 16 }
/** Until V8 has compiled what is used. */
const warmUpOf = { whole: 200, once: 1 }
const kDrainLimitMs = 60_000

async function grpcJs(sink) {
  const child = startAsked('./forward-grpc-js.mjs', [sink])
  return { address: await child.answer(), pid: child.pid, close: child.close }
}

/** @returns {import('../lib/case.d.mts').Way<any, any>} */
function way(name, open) {
  return {
    name,
    async run({ sink, sinkAddress, load }, options) {
      const requests = amount(options, requestsOf)
      const warmUp = amount(options, warmUpOf)
      const forwarder = await open(sinkAddress)
      try {
        const send = async (count) => {
          const result = await load.ask({ address: forwarder.address, requests: count, atOnce: kAtOnce })
          if (result !== 'done') throw new Error(`${name}: ${result}`)
        }
        const arrived = async (wanted) => {
          let spans = 0
          for (const end = performance.now() + kDrainLimitMs; spans < wanted; ) {
            spans += await sink.ask('take')
            if (performance.now() > end) throw new Error(`${name}: of ${wanted} spans ${spans} arrived`)
            if (spans < wanted) await sleep(2)
          }
          if (spans !== wanted) throw new Error(`${name}: of ${wanted} spans ${spans} arrived`)
        }
        await send(warmUp)
        await arrived(warmUp * kSpans)
        const cpu = cpuUs(forwarder.pid)
        const begun = performance.now()
        await send(requests)
        await arrived(requests * kSpans)
        const seconds = (performance.now() - begun) / 1000
        const spans = requests * kSpans
        return {
          perCore: spans / ((cpuUs(forwarder.pid) - cpu) / 1e6) / 1000,
          perSecond: spans / seconds / 1000,
          rss: memoryKiB(forwarder.pid).rss / 1024,
        }
      } finally {
        await forwarder.close()
      }
    },
  }
}

/** @type {import('../lib/case.d.mts').Case<any, any>} */
export default {
  id: 'forward',
  question: 'How many spans can one process take over OTLP and send on?',
  notes:
    'Requests of 512 spans (five attributes, an event and a link each) from one process over gRPC to the forwarder, and from there to a sink that counts ' +
    'them; each is a process of its own, and every span must arrive. `unitscope` decodes and encodes all of them, `grpc-js` passes bytes on. CPU is of all ' +
    'threads of the forwarder. Load and sink need a core between them: with two cores the rate per second is theirs as well, the one per core is not.',
  figures: {
    perCore: { title: 'k spans per second of CPU', ratio: true },
    perSecond: { title: 'k spans/s' },
    rss: { title: 'RSS MiB' },
  },
  rounds: 3,
  async setUp() {
    const sink = startAsked('./forward-sink.mjs')
    const sinkAddress = await sink.answer()
    return { sink, sinkAddress, load: startAsked('./forward-load.mjs') }
  },
  async tearDown({ sink, load }) {
    await Promise.all([sink.close(), load.close()])
  },
  ways: [
    way('unitscope', (sink) => startForwarder(sink, false)),
    way('unitscope, queue on disk', (sink) => startForwarder(sink, true)),
    way('grpc-js', grpcJs),
  ],
  gates: [
    { figure: 'perCore', way: 'unitscope', atLeast: 60 },
    { figure: 'perCore', way: 'unitscope, queue on disk', atLeast: 40 },
  ],
}
