import type { CgroupReader, PressureStall, PressureTrigger } from '../../binding/cgroup-source.js'
import type { Settings } from '../../component/component.js'
import { type RawEvent, Severity } from '../../data/event.js'
import { compilePatterns, type NameTest } from '../../lib/matching/pattern.js'
import { attr } from '../../lib/systemd/names.js'
import type { Config } from './config.js'
import { before, type Subject } from './subjects.js'

const kTooMany = 'more pressure triggers than can be watched: narrow their units'

interface Wanted {
  readonly trigger: PressureTrigger
  readonly fits: NameTest | undefined
}

/** A trigger of one cgroup that is not set. */
interface Unset {
  readonly key: number
  readonly trigger: PressureTrigger
  /** Undefined where it was lost with its cgroup, as far as is known yet. */
  reason: string | undefined
  /** Given to the reader again, which has not refused it since. */
  retried: boolean
}

/** Sets the pressure triggers of the configuration, and makes events of those that fire. */
export class PressureTriggers {
  readonly #settings: Settings
  readonly #wanted: readonly Wanted[]
  readonly #addRefused: (add: number) => void
  readonly #unset = new Map<string, Unset>()
  readonly #told = new Set<string>()

  constructor(settings: Settings, config: Config) {
    this.#settings = settings
    this.#wanted = config.pressure_triggers.map(({ resource, kind, threshold, window, units }) => ({
      trigger: { resource, kind, thresholdMs: threshold, windowMs: window },
      fits: compilePatterns(units),
    }))
    const { telemetry } = settings
    this.#addRefused = telemetry.counter('triggers_refused', 'Pressure triggers that could not be set.')
  }

  /** Why not all triggers are set. */
  get problem(): string | undefined {
    for (const { reason } of this.#unset.values()) if (reason !== undefined) return reason
    return undefined
  }

  /** To be called at each pass: tries again what is not set, of cgroups that are still there. */
  retry(reader: CgroupReader, isThere: (key: number) => boolean): void {
    let room = true
    for (const [id, unset] of this.#unset) {
      if (unset.retried || !isThere(unset.key)) this.#unset.delete(id)
      else if (room) unset.retried = room = reader.arm(unset.key, unset.trigger)
    }
  }

  /** To be called when a new reader has taken over: its cgroups have other keys. */
  restart(): void {
    this.#unset.clear()
  }

  /** To be called once for each cgroup that is measured. */
  arm(reader: CgroupReader, key: number, subject: Subject): void {
    for (const { trigger, fits } of this.#wanted) {
      if (fits !== undefined && !fits(String(subject.resource.attributes['service.name']))) continue
      if (!reader.arm(key, trigger)) this.#refused(key, trigger, kTooMany)
    }
  }

  /** The event of one that fired; nothing for one that could not be set. */
  event({ key, trigger, ageMs, error }: PressureStall, subject: Subject | undefined): RawEvent | undefined {
    if (subject === undefined) return undefined
    // Its cgroup ended; if the next pass still has it, only its pressure files went.
    if (error === 'ENOENT' || error === 'ENODEV') {
      this.#unset.set(idOf(key, trigger), { key, trigger, reason: undefined, retried: false })
      return undefined
    }
    if (error !== undefined) {
      this.#refused(
        key,
        trigger,
        `the kernel refuses the trigger on ${trigger.resource}.pressure (${error})${hint(error)}`,
      )
      return undefined
    }
    const { resource, kind, thresholdMs, windowMs } = trigger
    const observed = this.#settings.clock.unixNano()
    const unit = String(subject.resource.attributes['service.name'])
    const who = kind === 'some' ? 'some tasks' : 'all tasks'
    return {
      timeUnixNano: before(observed, ageMs),
      observedTimeUnixNano: observed,
      name: 'cgroup.pressure.stalled',
      severity: Severity.warn,
      body: `${unit}: ${who} waited for ${resource} more than ${thresholdMs} ms within ${windowMs} ms`,
      attributes: {
        [attr.unit]: unit,
        [attr.cgroupId]: subject.cgroupId,
        ...(subject.run && { [attr.invocationId]: subject.run.traceId }),
        'systemd.pressure.resource': resource,
        'systemd.pressure.kind': kind,
        'systemd.pressure.threshold_ms': thresholdMs,
        'systemd.pressure.window_ms': windowMs,
      },
      ...subject.run,
      resource: subject.resource,
    }
  }

  #refused(key: number, trigger: PressureTrigger, reason: string): void {
    const id = idOf(key, trigger)
    const again = this.#unset.get(id)?.retried ?? false
    this.#unset.set(id, { key, trigger, reason, retried: false })
    if (again) return
    this.#addRefused(1)
    this.#settings.telemetry.error('trigger_refused')
    if (this.#told.has(reason)) return
    this.#told.add(reason)
    this.#settings.logger.warn(reason)
  }
}

function idOf(key: number, { resource, kind, thresholdMs, windowMs }: PressureTrigger): string {
  return `${key} ${resource} ${kind} ${thresholdMs} ${windowMs}`
}

function hint(error: string): string {
  if (error === 'EINVAL') return ': without CAP_SYS_RESOURCE the window must be a multiple of 2s'
  if (error === 'EACCES' || error === 'EROFS') return ': the agent must be allowed to write to it'
  if (error === 'EOPNOTSUPP') return ': the kernel was booted with psi=0'
  return ''
}
