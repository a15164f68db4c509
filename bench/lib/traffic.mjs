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
const kStamp = Buffer.from('StateChangeTimestamp\0\x01t\0', 'latin1')
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

function linesOf(changes) {
  // Played in a circle: the first follows the last.
  let before = changes.findLast(({ isUnit }) => isUnit).values
  return changes.map(({ isUnit, values, bytes }) => {
    const hex = bytes.toString('hex')
    if (!isUnit) return ['S', ...serviceValues.map((name) => values[name]), hex].join(' ')
    const changed = values.ActiveState !== before.ActiveState || values.SubState !== before.SubState
    before = values
    const { ActiveState, SubState, Job, InvocationID } = values
    // The value of a dict entry stands at a multiple of its size, from the start of the body.
    const stampAt = Math.ceil((bytes.indexOf(kStamp) + kStamp.length) / 8) * 8
    const invocation = Buffer.from(InvocationID).toString('hex') || '-'
    const times = unitTimes.map((name) => values[name])
    return ['U', ActiveState, SubState, Job[0], changed ? 1 : 0, stampAt, invocation, ...times, hex].join(' ')
  })
}
