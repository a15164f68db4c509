import type { CgroupReader, PressureStall, PressureTrigger } from '../../binding/cgroup-source.js'
import type { Settings } from '../../component/component.js'
import { type RawEvent, Severity } from '../../data/event.js'
import { compilePatterns, type NameTest } from '../../lib/matching/pattern.js'
import { attr } from '../../lib/systemd/names.js'
import type { Config } from './config.js'
import { before, type Subject } from './subjects.js'

interface Wanted {
  readonly trigger: PressureTrigger
  readonly fits: NameTest | undefined
}

/** Sets the pressure triggers of the configuration, and makes events of those that fire. */
export class PressureTriggers {
  readonly #settings: Settings
  readonly #wanted: readonly Wanted[]
  readonly #addRefused: (add: number) => void
  #problem: string | undefined
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
    return this.#problem
  }

  /** To be called once for each cgroup that is measured. */
  arm(reader: CgroupReader, key: number, subject: Subject): void {
    for (const { trigger, fits } of this.#wanted) {
      if (fits !== undefined && !fits(String(subject.resource.attributes['service.name']))) continue
      if (!reader.arm(key, trigger)) this.#refused('more pressure triggers than can be watched: narrow their units')
    }
  }

  /** The event of one that fired; nothing for one that could not be set. */
  event({ trigger, ageMs, error }: PressureStall, subject: Subject | undefined): RawEvent | undefined {
    // Ended before its trigger was set.
    if (error === 'ENOENT' || error === 'ENODEV') return undefined
    if (error !== undefined) {
      this.#refused(`the kernel refuses the trigger on ${trigger.resource}.pressure (${error})${hint(error)}`)
      return undefined
    }
    if (subject === undefined) return undefined
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
        'systemd.pressure.resource': resource,
        'systemd.pressure.kind': kind,
        'systemd.pressure.threshold_ms': thresholdMs,
        'systemd.pressure.window_ms': windowMs,
      },
      ...subject.run,
      resource: subject.resource,
    }
  }

  #refused(reason: string): void {
    this.#addRefused(1)
    this.#settings.telemetry.error('trigger_refused')
    this.#problem = reason
    if (this.#told.has(reason)) return
    this.#told.add(reason)
    this.#settings.logger.warn(reason)
  }
}

function hint(error: string): string {
  if (error === 'EINVAL') return ': without CAP_SYS_RESOURCE the window must be a multiple of 2s'
  if (error === 'EACCES' || error === 'EROFS') return ': the agent must be allowed to write to it'
  if (error === 'EOPNOTSUPP') return ': the kernel was booted with psi=0'
  return ''
}
