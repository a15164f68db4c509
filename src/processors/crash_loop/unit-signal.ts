import type { RawEvent } from '../../data/event.js'
import { attr, event as names } from '../../lib/systemd/names.js'

/** What an event says about a unit's life, as far as crash loops go. */
export interface UnitSignal {
  readonly kind: 'failed' | 'restarting' | 'restarted' | 'started' | 'stopped' | 'gave_up'
  /** Tells units of one name apart (system and user manager). */
  readonly key: string
  readonly unit: string
  /** The run the event is about; empty for unit types that have none. */
  readonly invocationId: string
  /** systemd did it by itself. */
  readonly auto: boolean
  /** How the run ended: `exit-code/3`, `signal/SIGSEGV`, `success`. */
  readonly how: string
  readonly event: RawEvent
}

const kinds: ReadonlyMap<string, UnitSignal['kind']> = new Map([
  [names.failed, 'failed'],
  [names.restarting, 'restarting'],
  [names.restarted, 'restarted'],
  [names.started, 'started'],
  [names.stopped, 'stopped'],
  [names.startLimitHit, 'gave_up'],
])

/** Restarts that somebody has asked for: no sign of a crash. */
const byJob = new Set(['manual', 'dependency', 'remediation'])

/** Undefined for every other event, at the cost of one lookup. */
export function readUnitSignal(event: RawEvent): UnitSignal | undefined {
  const kind = kinds.get(event.name)
  if (kind === undefined) return undefined
  const unit = text(event.attributes[attr.unit] ?? event.resource.attributes[attr.unit])
  if (unit === '') return undefined
  return {
    kind,
    key: `${event.resource.key} ${unit}`,
    unit,
    invocationId: text(event.attributes[attr.invocationId]),
    auto: !byJob.has(text(event.attributes[attr.restartCause])),
    how: howItEnded(event),
    event,
  }
}

function howItEnded({ attributes }: RawEvent): string {
  const result = text(attributes[attr.result]) || 'unknown'
  const detail = attributes[attr.exitSignal] ?? attributes[attr.exitCode]
  return detail === undefined || result === 'success' ? result : `${result}/${String(detail)}`
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
