import type { Attributes } from '../../data/attributes.js'
import type { RawEvent } from '../../data/event.js'
import { incidentEvent } from '../../lib/incidents/names.js'
import { failureOfEvent } from '../../lib/systemd/failure.js'
import { attr, event as names } from '../../lib/systemd/names.js'
import { exitCodeWord } from './exit-codes.js'

/** systemd's results as a person would say them; those an exit code or signal explains better are left out. */
const results = new Map(
  Object.entries({
    success: '',
    'exit-code': '',
    signal: '',
    'core-dump': 'core dumped',
    timeout: 'timed out',
    watchdog: 'watchdog expired',
    'start-limit-hit': 'systemd gave up',
    'oom-kill': 'out of memory',
    protocol: 'ended before it said it was ready',
    resources: 'could not be set up',
    'exec-condition': 'condition not met',
  }),
)

/**
 * `systemd.unit.start_limit_hit` -> `start limit hit`; `pattern.crash_loop.detected` -> `crash loop detected`; of a log line
 * the program that wrote it.
 */
export function eventVerb({ name, attributes }: RawEvent): string {
  if (name === '') return text(attributes, attr.journalIdentifier) || 'log'
  if (name.startsWith(kIncident)) return name.replace('.', ' ')
  const short = name.startsWith('systemd.unit.')
    ? name.slice('systemd.unit.'.length)
    : name.slice(name.indexOf('.') + 1)
  return short.replace(/[._]/g, ' ')
}

/** What a person asks next, in the order they would ask it. Events that are not of a unit's life show their body. */
export function eventDetail(event: RawEvent): string {
  if (event.name.startsWith(kIncident)) {
    const gaveUp = event.name === incidentEvent.opened && event.attributes[attr.incidentState] === 'gave_up'
    return `${event.body.replace(/^incident(: | of [^ :]+:? )(resolved )?/, '')}${gaveUp ? ' · gave up' : ''}`
  }
  // The run is shown behind it, as of all events.
  if (event.name === kCrashLoop)
    return event.body.replace(/^\S+ (is in a crash loop: )?/, '').replace(/; last run: \S+ \S+$/, '')
  if (!unitEvents.has(event.name)) return event.body
  const { attributes } = event
  const cause = text(attributes, attr.causedBy)
  return [
    cause === '' ? '' : `because of ${cause}`,
    byJob(event),
    exit(event.name, attributes),
    result(attributes),
    restarts(attributes),
    text(attributes, attr.jobResult) === '' ? '' : `job ${text(attributes, attr.jobResult)}`,
    condition(attributes),
    next(event),
    attributes[attr.synthetic] === true ? 'seen late' : '',
  ]
    .filter((part) => part !== '')
    .join(' · ')
}

/** Its name says the first half of its body. */
const kCrashLoop = 'pattern.crash_loop.detected'
const kIncident = 'incident.'

const unitEvents: ReadonlySet<string> = new Set([
  names.started,
  names.stopped,
  names.failed,
  names.restarting,
  names.restarted,
  names.reloaded,
  names.startLimitHit,
  names.oomKilled,
  names.watchdogTimeout,
  names.jobFinished,
])

/** Who wanted the end, as the event's body says it. */
function byJob({ name, attributes }: RawEvent): string {
  if (attributes[attr.verdict] !== 'stopped_by_operator') return ''
  if (name === names.failed) return 'while being stopped by a job'
  return name === names.jobFinished ? 'taken back by a job' : 'by a job'
}

function condition(attributes: Attributes): string {
  if (attributes[attr.verdict] !== 'condition_not_met') return ''
  return `${attributes[attr.jobResult] === 'assert' ? 'assertion' : 'condition'} not met`
}

function result(attributes: Attributes): string {
  const word = text(attributes, attr.result)
  // The verdict says it, and says which.
  return word === 'exec-condition' && condition(attributes) !== '' ? '' : (results.get(word) ?? word)
}

/** A clean exit is news only where something failed; that of a job that is done belongs to another line. */
function exit(name: string, attributes: Attributes): string {
  if (name === names.jobFinished && attributes[attr.jobResult] === 'done') return ''
  const { result, detail, command } = failureOfEvent(attributes)
  if (command !== undefined) return `${command} failed`
  if (result === 'exit-code' && detail === undefined) return result // of another process than the main one
  const signal = text(attributes, attr.exitSignal)
  if (signal !== '') return `killed by ${signal}`
  const code = text(attributes, attr.exitCode)
  return code === '' || (code === '0' && name !== names.failed) ? '' : `exit code ${exitCodeWord(code)}`
}

function restarts(attributes: Attributes): string {
  const count = text(attributes, attr.nRestarts)
  return count === '' || count === '0' ? '' : `restart ${count}`
}

/** What happens next, where neither the event's name nor its result says it. */
function next({ name, attributes, timeUnixNano }: RawEvent): string {
  const due = Number(attributes[attr.restartDueUsec])
  if (name === names.restarting && due > 0)
    return `again in ${(Math.max(0, due - Number(timeUnixNano / 1000n)) / 1e6).toFixed(1)} s`
  return name === names.failed && attributes[attr.verdict] === 'gave_up' ? 'not restarted' : ''
}

function text(attributes: Attributes, key: string): string {
  const value = attributes[key]
  return value === undefined ? '' : String(value)
}
