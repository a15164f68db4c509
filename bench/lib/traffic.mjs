import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs'
import { PassThrough } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { root } from './machine.mjs'
import { dbusNext, recordedChunks } from './product.mjs'

/**
 * Services of the recording whose signals are played over and over: started and stopped, by hand, with a dependency and by a
 * timer. Together they say each change of state 5.3 times, as 900 start, stop and oneshot jobs of a real systemd did.
 */
const kServices = ['api.service', 'stop.service', 'tick.service', 'restart.service', 'chain-web.service']
const kUnitPaths = '/org/freedesktop/systemd1/unit/'
/** In the order in which they are written; none is empty or holds a space. */
const serviceValues = [
  'Result',
  'MainPID',
  'NRestarts',
  'ExecMainPID',
  'ExecMainCode',
  'ExecMainStatus',
  'ExecMainStartTimestamp',
  'ExecMainExitTimestamp',
]
const unitTimes = [
  'StateChangeTimestamp',
  'InactiveExitTimestamp',
  'ActiveEnterTimestamp',
  'ActiveExitTimestamp',
  'InactiveEnterTimestamp',
  'ConditionTimestamp',
]
const file = `${root}build/bench/traffic.txt`

/**
 * The signals of some recorded services as text for bench/native/traffic.h. Returns the
 * file's path.
 */
export async function traffic() {
  const sources = [fileURLToPath(import.meta.url), `${root}test/fixtures/recordings/lab.usrec.gz`]
  if (existsSync(file) && sources.every((source) => statSync(source).mtimeMs < statSync(file).mtimeMs)) return file
  const changes = await recordedChanges()
  const lines = kServices.flatMap((name) => ['T', ...linesOf(changes.get(name))])
  mkdirSync(`${root}build/bench`, { recursive: true })
  writeFileSync(file, `${lines.join('\n')}\n`)
  return file
}

/** Each unit's PropertiesChanged messages: properties by name, and the body's bytes. */
async function recordedChanges() {
  const { unmarshalMessages } = dbusNext('lib/message.js')
  const { messageToJsFmt } = dbusNext('lib/marshall-compat.js')
  const whole = Buffer.concat(await recordedChunks())
  const stream = new PassThrough()
  const found = new Map()
  let at = 0
  unmarshalMessages(
    stream,
    (raw) => {
      const { path, member, body } = messageToJsFmt(raw)
      const start = at + 16 + Math.ceil(whole.readUInt32LE(at + 12) / 8) * 8
      at = start + whole.readUInt32LE(at + 4)
      if (member !== 'PropertiesChanged') return
      const unit = path
        .slice(kUnitPaths.length)
        .replace(/_(..)/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)))
      const values = Object.fromEntries(Object.entries(body[1]).map(([name, { value }]) => [name, value]))
      found.set(unit, [
        ...(found.get(unit) ?? []),
        { isUnit: body[0].endsWith('.Unit'), values, bytes: whole.subarray(start, at) },
      ])
    },
    {},
  )
  stream.end(whole)
  await new Promise((resolve) => stream.once('end', resolve).resume())
  return found
}

/** Each change of state is an instant of the story; the sender has its own time for it. */
function linesOf(changes) {
  const times = changes.filter(({ isUnit }) => isUnit).map(({ values }) => values.StateChangeTimestamp)
  const instants = [...new Set(times)].filter((time) => time !== 0n)
  // Played in a circle: what had not changed yet is as the last change left it.
  const instantOf = (time) => (time === 0n ? instants.length - 1 : instants.indexOf(time))
  let before = instants.length - 1
  return changes.map(({ isUnit, values, bytes }) => {
    const hex = bytes.toString('hex')
    if (!isUnit) return ['S', ...serviceValues.map((name) => values[name]), hex].join(' ')
    const instant = instantOf(values.StateChangeTimestamp)
    const changed = instant !== before
    before = instant
    const told = unitTimes.flatMap((name) => {
      const known = name === 'StateChangeTimestamp' || instants.includes(values[name])
      return [valueAt(bytes, name, 't', 8), known ? instantOf(values[name]) : -1, values[name]]
    })
    const { ActiveState, SubState, Job, InvocationID } = values
    const invocation = Buffer.from(InvocationID).toString('hex') || '-'
    const invocationAt = invocation === '-' ? 0 : valueAt(bytes, 'InvocationID', 'ay', 4) + 4
    return ['U', ActiveState, SubState, Job[0], changed ? instant : -1, invocationAt, invocation, ...told, hex].join(
      ' ',
    )
  })
}

/** Where the value of a property stands in a body: after its name and signature, at a multiple of its alignment. */
function valueAt(bytes, name, signature, alignment) {
  // With its length, so that no longer name that ends alike is found.
  const text = Buffer.from(`${name}\0${String.fromCharCode(signature.length)}${signature}\0`, 'latin1')
  const length = Buffer.alloc(4)
  length.writeUInt32LE(name.length)
  const at = bytes.indexOf(Buffer.concat([length, text]))
  if (at < 0) throw new Error(`no ${name} in a recorded signal`)
  return Math.ceil((at + length.length + text.length) / alignment) * alignment
}
