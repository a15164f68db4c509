import type { Consumer, Host, Receiver, Settings } from '../../component/component.js'
import type { RawEvent } from '../../data/event.js'
import type { Resource } from '../../data/resource.js'
import { UnavailableError } from '../../errors.js'
import { containerAttributesOfUnit, containerOfUnit } from '../../lib/containers/recognise.js'
import type { JournalEntry } from '../../lib/journal/entry.js'
import { JournalFollower, type StartPosition } from '../../lib/journal/follower.js'
import { findJournalctl, type JournalQuery, type JournalSource } from '../../lib/journal/journalctl.js'
import { linesSuppressedEvent, unfilledGapEvent } from '../../lib/systemd/source-event.js'
import { hostResource, unitResource } from '../../lib/systemd/unit-resource.js'
import { withUnitType } from '../../lib/systemd/unit-types.js'
import type { Timer } from '../../util/clock.js'
import type { Config } from './config.js'
import { LineDelivery } from './line-delivery.js'
import { lineEvent } from './line-event.js'
import { fieldOf, lineFields, subjectOf } from './line-fields.js'
import { LineLimiter } from './line-limiter.js'
import { selectLines } from './line-selection.js'
import { PositionKeeper } from './position-keeper.js'

export const kNoJournalctl =
  'journalctl is not installed: install the package systemd, in an image `apt-get install --no-install-recommends systemd`'

/** How often lines that were left out are summed up. */
const kSummaryIntervalMs = 10_000

/** The outside world, replaced in tests. */
export interface JournaldWorld {
  /** Absolute path of journalctl; undefined where it is not installed. */
  readonly journalctl: string | undefined
  readonly env: Readonly<Record<string, string | undefined>>
}

/** Emits the journal's lines. Without `world`: this machine's journalctl. */
export function createJournaldReceiver(
  settings: Settings,
  config: Config,
  next: Consumer,
  world: JournaldWorld = { journalctl: findJournalctl(), env: process.env },
): Receiver {
  return new JournaldReceiver(settings, config, next, world)
}

class JournaldReceiver implements Receiver {
  readonly #settings: Settings
  readonly #config: Config
  readonly #world: JournaldWorld
  readonly #delivery: LineDelivery
  readonly #position: PositionKeeper
  readonly #limiter: LineLimiter
  readonly #wants: ReturnType<typeof selectLines>
  readonly #stopping = new AbortController()
  #running: Promise<void> | undefined
  #summary: Timer | undefined

  constructor(settings: Settings, config: Config, next: Consumer, world: JournaldWorld) {
    this.#settings = settings
    this.#config = config
    this.#world = world
    this.#position = new PositionKeeper(settings, config.resume)
    this.#delivery = new LineDelivery(settings, next, (cursor) => this.#position.advance(cursor))
    this.#limiter = new LineLimiter(config.max_lines_per_second)
    this.#wants = selectLines(config)
  }

  async start(host: Host): Promise<void> {
    const { journalctl } = this.#world
    if (journalctl === undefined) throw new UnavailableError(kNoJournalctl)
    const settings = this.#settings
    const config = this.#config
    const { clock, random, telemetry, logger } = settings
    const restarts = telemetry.counter('journalctl_restarts', 'Times journalctl ended or hung and was started anew.')
    const cursor = await this.#position.load()
    const from: StartPosition = cursor === undefined ? { at: config.start_at } : { at: 'cursor', cursor }
    const follower = new JournalFollower(from, {
      program: journalctl,
      source: sourceOf(config),
      query: queryOf(config),
      fields: [...lineFields, ...config.fields],
      maxValueBytes: config.max_message_size,
      clock,
      random,
      onEntries: (entries) => this.#take(entries),
      onGap: (gap) => {
        logger.warn('a part of the journal is gone before it was read', { ...gap })
        void this.#delivery.push([unfilledGapEvent(settings.resources, gap, clock.unixNano())])
      },
      // Kept from the beginning on: what is written between this agent and the next must not depend on a line having come.
      onSkippedTo: (cursor) => void this.#delivery.push([], cursor),
      onRejected: (reason) => telemetry.error(reason),
      onComplaint(line) {
        telemetry.error('journalctl_complained')
        logger.warn('journalctl complains', { line })
      },
      onRestart(reason) {
        restarts(1)
        telemetry.error(`journalctl_${reason}`)
      },
      onStatus: (status) => host.report(status),
    })
    host.report({ state: 'starting' })
    if (this.#stopping.signal.aborted) return
    this.#running = follower.run(this.#stopping.signal)
  }

  async shutdown(): Promise<void> {
    this.#stopping.abort()
    const closed = this.#delivery.close() // a follower that waits for room gets it by this
    await this.#running
    await closed
    this.#summarise()
    await this.#delivery.close()
    await this.#position.close()
  }

  async #take(entries: readonly JournalEntry[]): Promise<void> {
    const observedNs = this.#settings.clock.unixNano()
    const lines: RawEvent[] = []
    for (const entry of entries) {
      const line = this.#line(entry, observedNs)
      if (line !== undefined) lines.push(line)
    }
    await this.#delivery.push(lines, entries.at(-1)?.cursor)
  }

  #line(entry: JournalEntry, observedNs: bigint): RawEvent | undefined {
    const subject = subjectOf(entry)
    if (!this.#wants(subject?.unit, fieldOf(entry, '_TRANSPORT')) || this.#isOurs(entry)) return undefined
    if (!this.#limiter.admit(subject?.unit ?? '', entry.realtimeUsec)) {
      this.#suppress()
      return undefined
    }
    const resource = this.#resource(subject?.unit)
    return lineEvent(entry, subject, resource, this.#config.fields, observedNs)
  }

  /** Our own log, where it goes into the journal: each line of it that is exported could make the next. */
  #isOurs(entry: JournalEntry): boolean {
    const { JOURNAL_STREAM: stream, INVOCATION_ID: invocation } = this.#world.env
    return stream !== undefined && invocation !== undefined && fieldOf(entry, '_SYSTEMD_INVOCATION_ID') === invocation
  }

  #resource(unit: string | undefined): Resource {
    const { resources } = this.#settings
    if (unit === undefined) return hostResource(resources)
    const extra = containerOfUnit(unit) === undefined ? undefined : containerAttributesOfUnit(unit)
    return unitResource(resources, unit, 'system', extra)
  }

  #suppress(): void {
    const { telemetry, clock } = this.#settings
    telemetry.processed({ logs: 1 })
    telemetry.dropped({ logs: 1 }, 'rate_limit')
    this.#summary ??= clock.after(kSummaryIntervalMs, () => this.#summarise())
  }

  #summarise(): void {
    this.#summary?.cancel()
    this.#summary = undefined
    const { clock } = this.#settings
    const events = Array.from(this.#limiter.takeSuppressed(), ([unit, count]) => {
      const resource = this.#resource(unit === '' ? undefined : unit)
      return linesSuppressedEvent(resource, count, this.#config.max_lines_per_second, clock.unixNano())
    })
    if (events.length > 0) void this.#delivery.push(events)
  }
}

function sourceOf({ directory, root, namespace }: Config): JournalSource {
  return {
    ...(directory === undefined ? {} : { directory }),
    ...(root === undefined ? {} : { root }),
    ...(namespace === undefined ? {} : { namespace }),
  }
}

function queryOf({ units, kernel, priority, matches, identifiers, grep }: Config): JournalQuery {
  const byIndex = !kernel && units.every((unit) => !/[*?[]/.test(unit))
  return {
    units: byIndex ? units.map(withUnitType) : [],
    matches,
    identifiers,
    ...(priority === 'debug' ? {} : { priority }),
    ...(grep === undefined ? {} : { grep }),
  }
}
