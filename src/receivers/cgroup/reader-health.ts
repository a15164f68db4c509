import type { CgroupStats } from '../../binding/cgroup-source.js'
import type { Settings } from '../../component/component.js'

/** Turns the reader's counters into the receiver's own, and tells of each kind of trouble once. */
export class ReaderHealth {
  readonly #settings: Settings
  readonly #stats: () => CgroupStats | undefined
  readonly #addVanished: (add: number) => void
  readonly #addUnparsed: (add: number) => void
  readonly #addFailed: (add: number) => void
  readonly #addOverflow: (add: number) => void
  readonly #addMissed: (add: number) => void
  readonly #addUnread: (add: number) => void
  readonly #addBrief: (add: number) => void
  #last: CgroupStats | undefined
  readonly #told = new Set<string>()

  constructor(settings: Settings, stats: () => CgroupStats | undefined) {
    this.#settings = settings
    this.#stats = stats
    const { telemetry } = settings
    this.#addVanished = telemetry.counter('vanished', 'Cgroups gone when they were to be read: units that stopped.')
    this.#addUnparsed = telemetry.counter('files_malformed', 'Files whose content could not be understood.')
    this.#addFailed = telemetry.counter('files_failed', 'Files and directories that could not be read.')
    this.#addOverflow = telemetry.counter(
      'changes_overflowed',
      'Times the kernel had more changes to tell than fs.inotify.max_queued_events; all was listed then.',
    )
    this.#addMissed = telemetry.counter('missed', 'Cgroups found by listing only, though their making was watched for.')
    this.#addUnread = telemetry.counter('ends_unread', 'Removed cgroups whose last numbers could not be read.')
    this.#addBrief = telemetry.counter(
      'ends_brief',
      'Removed cgroups that were never read: what ran in them was over when they were looked at, 10 ms after they were made.',
    )
    telemetry.gauge('watches', 'inotify watches of the reader.', '{watch}', () => stats()?.watches ?? 0)
    telemetry.gauge('pressure_triggers', 'Pressure triggers set.', '{trigger}', () => stats()?.triggers ?? 0)
    telemetry.gauge('cgroups', 'Cgroups known.', '{cgroup}', () => stats()?.cgroups ?? 0)
    telemetry.gauge('open_fds', 'Descriptors the reader holds open.', '{descriptor}', () => stats()?.openFds ?? 0)
    telemetry.gauge('native_bytes', 'Native memory of the reader.', 'By', () => stats()?.nativeBytes ?? 0)
  }

  /** To be called after each pass; answers with a reason when the picture is not whole. */
  check(): string | undefined {
    const now = this.#stats()
    if (now === undefined) return undefined
    const before = this.#last
    this.#last = now
    this.#addVanished(now.vanished - (before?.vanished ?? 0))
    this.#addOverflow(now.overflows - (before?.overflows ?? 0))
    this.#addMissed(now.missed - (before?.missed ?? 0))
    this.#addUnread(now.endsUnread + now.endsLost - (before?.endsUnread ?? 0) - (before?.endsLost ?? 0))
    this.#addBrief(now.endsBrief - (before?.endsBrief ?? 0))
    const dropped = now.stallsDropped - (before?.stallsDropped ?? 0)
    if (dropped > 0) {
      this.#settings.telemetry.processed({ logs: dropped })
      this.#settings.telemetry.dropped({ logs: dropped }, 'stalls_overflowed')
    }
    const lost = now.killsDropped - (before?.killsDropped ?? 0)
    if (lost > 0) {
      this.#settings.telemetry.processed({ logs: lost })
      this.#settings.telemetry.dropped({ logs: lost }, 'kills_overflowed')
    }
    if (now.logError !== undefined && !this.#told.has('kmsg')) {
      this.#told.add('kmsg')
      this.#settings.logger.info(
        `/dev/kmsg cannot be read (${now.logError}; it needs CAP_SYSLOG): kills for want of memory are told without the process that was killed`,
      )
    }
    if (now.unwatched > 0 && !this.#told.has('unwatched')) {
      this.#told.add('unwatched')
      this.#settings.logger.warn(
        `${now.unwatched} cgroups cannot be watched (raise fs.inotify.max_user_watches, or max_user_instances where it is none at all): changes are found by listing them at each interval`,
      )
    }
    for (const file of grown(now.parseErrors, before?.parseErrors)) {
      this.#addUnparsed(file.by)
      this.#tell(`${file.name} of a cgroup could not be understood: its numbers are left out`, file.name)
    }
    for (const error of grown(now.ioErrors, before?.ioErrors)) {
      this.#addFailed(error.by)
      this.#tell(`cgroup files could not be read (${error.name}): their numbers are left out`, error.name)
    }
    if (now.skipped === 0) return undefined
    return `${now.skipped} cgroups are beyond the limit and are not read`
  }

  /** To be called when a new reader has taken over: it counts from 0. */
  restart(): void {
    this.#last = undefined
  }

  #tell(message: string, kind: string): void {
    this.#settings.telemetry.error('read')
    if (this.#told.has(kind)) return
    this.#told.add(kind)
    this.#settings.logger.warn(message)
  }
}

function grown(now: Readonly<Record<string, number>>, before: Readonly<Record<string, number>> = {}) {
  return Object.entries(now).flatMap(([name, count]) => {
    const by = count - (before[name] ?? 0)
    return by > 0 ? [{ name, by }] : []
  })
}
