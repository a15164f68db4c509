// What a signal of systemd's costs until JavaScript knows of it: the same bytes, in one run, through the native parser (header,
// filter, full validation, last state, record, decoded object) and through dbus-next's parser, as its connection runs it
// (values only: it checks little and remembers nothing). Without a socket on either side.
//
//   npm run build && node bench/native-dbus.mjs [--recording FILE] [--seconds 5] [--save]
//
// The bytes are those of a real systemd 252 (test/fixtures/recordings). --save appends the result to bench/history/.
import { execFileSync } from 'node:child_process'
import { appendFileSync, existsSync, mkdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { cpus, release } from 'node:os'
import { PassThrough } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const { values: options } = parseArgs({
  options: {
    recording: {
      type: 'string',
      default: fileURLToPath(new URL('../test/fixtures/recordings/lab.usrec.gz', import.meta.url)),
    },
    seconds: { type: 'string', default: '5' },
    save: { type: 'boolean', default: false },
  },
})
const seconds = Number(options.seconds)
if (!(seconds > 0 && seconds <= 600)) throw new Error('--seconds must be from 0 to 600')

const dist = new URL('../dist/', import.meta.url)
if (!existsSync(new URL('binding/native.js', dist))) throw new Error('build first: npm run build')
const { loadNative } = await import(new URL('binding/native.js', dist).href)
const { RecordingReader } = await import(new URL('lib/recording/reader.js', dist).href)
const loaded = loadNative()
if (loaded.unavailable !== undefined) throw new Error(loaded.unavailable)
const require = createRequire(import.meta.url)
const library = require.resolve('dbus-next').replace(/dbus-next\/.*$/, 'dbus-next/')
const { unmarshalMessages } = require(`${library}lib/message.js`)
const { messageToJsFmt } = require(`${library}lib/marshall-compat.js`)
const { Message } = require(`${library}lib/message-type.js`)

const chunks = []
const reader = await RecordingReader.open(options.recording)
for (let frame = await reader.next(); frame !== undefined; frame = await reader.next()) {
  if (frame.kind === 'chunk') chunks.push(frame.chunk.bytes)
}
await reader.close()

function throughNative(filter) {
  const parser = loaded.native.createSignalParser({
    filter: { include: [], exclude: [], unitTypes: [], ...filter },
    ringRecords: 10_000,
    overflow: 'drop_oldest',
    maxLatencyMs: 20,
  })
  let records = 0
  for (const bytes of chunks) records += parser.feed(bytes, 1n, 1n).length
  const { messages } = parser.stats()
  parser.close()
  return { messages, records }
}

async function throughDbusNext() {
  const stream = new PassThrough()
  let messages = 0
  let told = 0
  unmarshalMessages(
    stream,
    (raw) => {
      const message = new Message(messageToJsFmt(raw))
      messages++
      if (message.member === 'PropertiesChanged') told++
    },
    {},
  )
  for (const bytes of chunks) if (!stream.write(bytes)) await new Promise((resolve) => stream.once('drain', resolve))
  stream.end()
  await new Promise((resolve) => stream.once('end', resolve).resume())
  return { messages, records: told }
}

const ways = [
  { name: 'native', pass: () => throughNative({}) },
  { name: 'native, no unit passes', pass: () => throughNative({ include: ['nobody.service'] }) },
  { name: 'dbus-next', pass: throughDbusNext },
]

// Turn and turn about, so that a machine that slows down slows all; each way is warm after its first passes.
const cpu = new Map(ways.map(({ name }) => [name, []]))
const counts = new Map()
for (const { pass } of ways) for (let i = 0; i < 3; i++) await pass()
for (const end = performance.now() + seconds * 1000; performance.now() < end; ) {
  for (const { name, pass } of ways) {
    const start = process.cpuUsage()
    counts.set(name, await pass())
    const { user, system } = process.cpuUsage(start)
    cpu.get(name).push(user + system)
  }
}

const rows = ways.map(({ name }) => {
  const sorted = cpu.get(name).sort((a, b) => a - b)
  const us = sorted[Math.floor(sorted.length / 2)]
  const { messages, records } = counts.get(name)
  return {
    name,
    messages,
    records,
    usPerSignal: Math.round((us / messages) * 1000) / 1000,
    signalsPerSecond: Math.round((messages / us) * 1e6),
  }
})
if (new Set(rows.map(({ messages }) => messages)).size !== 1)
  throw new Error('the parsers disagree on the number of messages')
const line = {
  date: new Date().toISOString(),
  commit: git('rev-parse', '--short', 'HEAD'),
  cpu: `${cpus().length} x ${cpus()[0]?.model}`,
  kernel: release().replace(/-.*/, ''),
  node: process.version,
  bytes: chunks.reduce((sum, { length }) => sum + length, 0),
  passes: cpu.get('native').length,
  rows,
}
console.log(`${rows[0].messages} messages, ${line.bytes} bytes, median of ${line.passes} passes:\n`)
console.log('| parser | CPU us per signal | signals/s on one core | handed to JavaScript |')
console.log('| --- | --- | --- | --- |')
for (const { name, usPerSignal, signalsPerSecond, records } of rows) {
  console.log(`| ${name} | ${usPerSignal} | ${signalsPerSecond.toLocaleString('en')} | ${records} |`)
}
const ratio = rows[2].usPerSignal / rows[0].usPerSignal
console.log(`\nnative is ${ratio.toFixed(1)} times as fast as dbus-next on these bytes`)
if (options.save) {
  const history = new URL('history/', import.meta.url)
  mkdirSync(history, { recursive: true })
  appendFileSync(new URL('native-dbus.jsonl', history), `${JSON.stringify(line)}\n`)
}

function git(...args) {
  try {
    return execFileSync('git', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
  } catch {
    return 'unknown'
  }
}
