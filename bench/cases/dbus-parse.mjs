import { PassThrough } from 'node:stream'
import { amount } from '../lib/amount.mjs'
import { addon, dbusNext, native, recordedChunks } from '../lib/product.mjs'

/** A pass takes a few ms; a run of many of them outlasts the clock's grain and the collector's moods. */
const runMs = { whole: 400, quick: 100, once: 1 }

const options = (include = []) => ({
  filter: { include, exclude: [], unitTypes: [] },
})

/** Bytes to records, which are copied out and left undecoded: one call into the addon per recording. */
const parser =
  (include) =>
  ({ whole, Parser, drained }) => {
    const source = new Parser(options(include))
    return () => {
      const before = source.stats().messages
      source.feed(whole, 1n, 1n)
      while (source.drain(drained) > 0) {
        // The last record is as good as the first.
      }
      return source.stats().messages - before
    }
  }

/** Bytes to objects, in the portions in which they were read. */
const decoder = ({ chunks, surface }) => {
  const source = surface.createSignalParser(options())
  return () => {
    const before = source.stats().messages
    for (const bytes of chunks) source.feed(bytes, 1n, 1n)
    return source.stats().messages - before
  }
}

const throughDbusNext =
  ({ chunks, library }) =>
  async () => {
    const stream = new PassThrough()
    let messages = 0
    library.unmarshalMessages(
      stream,
      (raw) => {
        new library.Message(library.messageToJsFmt(raw))
        messages++
      },
      {},
    )
    for (const bytes of chunks) if (!stream.write(bytes)) await new Promise((resolve) => stream.once('drain', resolve))
    stream.end()
    await new Promise((resolve) => stream.once('end', resolve).resume())
    return messages
  }

/**
 * @param open gives what reads the recording once more and counts its messages: a connection that lives for a run
 * @returns {import('../lib/case.d.mts').Way<any, any>}
 */
function way(name, open) {
  return {
    name,
    async run(context, options) {
      const pass = open(context)
      let messages = 0
      const start = process.cpuUsage()
      for (const end = performance.now() + amount(options, runMs); performance.now() < end; ) {
        const seen = await pass()
        if (seen !== context.messages) throw new Error(`${name} saw ${seen} of ${context.messages} messages`)
        messages += seen
      }
      const { user, system } = process.cpuUsage(start)
      const us = (user + system) / messages
      return { nsPerSignal: us * 1000, signalsPerSecond: 1e6 / us }
    },
  }
}

/** @type {import('../lib/case.d.mts').Case<any>} */
export default {
  id: 'dbus-parse',
  question: "What does a signal of systemd's cost a parser, from bytes in memory?",
  notes:
    'The bytes are the committed recording of systemd 252 going through starts, stops, crashes and reloads, read again and again as if ' +
    'they came over one connection. The native rows do ' +
    'more than the other: they check every value against the specification, merge the two halves of a change, and drop repeats. ' +
    '"parser alone" ends with records; "with objects" is what JavaScript gets, in the portions of the recording. dbus-next is ' +
    'its parser as its own connection runs it.',
  figures: {
    nsPerSignal: { title: 'CPU ns per signal', ratio: true },
    signalsPerSecond: { title: 'signals per second of one core' },
  },
  async setUp() {
    const chunks = await recordedChunks()
    const surface = await native()
    const library = {
      ...dbusNext('lib/message.js'),
      ...dbusNext('lib/marshall-compat.js'),
      ...dbusNext('lib/message-type.js'),
    }
    const context = { chunks, whole: Buffer.concat(chunks), surface, library, Parser: addon().SignalParser }
    const messages = decoder(context)()
    return { ...context, messages, drained: Buffer.alloc(64 * 1024) }
  },
  ways: [
    way('unitscope, parser alone', parser([])),
    way('unitscope, parser alone, no unit passes', parser(['nobody.service'])),
    way('unitscope, with objects', decoder),
    way('dbus-next', throughDbusNext),
  ],
  gates: [
    { figure: 'signalsPerSecond', way: 'unitscope, parser alone', atLeast: 1e6 },
    { figure: 'nsPerSignal', way: 'dbus-next', over: 'unitscope, parser alone', atLeast: 50, aim: 100 },
  ],
}
