import type { Dependencies } from '../../../../src/lib/incidents/dependencies.js'
import type { Incident } from '../../../../src/lib/incidents/incident.js'
import { type BookLimits, IncidentBook } from '../../../../src/lib/incidents/incident-book.js'
import type { Announcer } from '../../../../src/lib/incidents/narrator.js'
import { parseIncidents, type SavedIncident } from '../../../../src/lib/incidents/saved-incident.js'
import type { Stretch } from '../../../../src/lib/incidents/stretch.js'
import type { ReportKind, UnitReport } from '../../../../src/lib/incidents/unit-report.js'
import { sampleResource } from '../../../../src/testkit/sample.js'

const kBaseNano = 1_700_000_000_000_000_000n
const kUnixMs = 1_700_000_000_000

export const limits: BookLimits = {
  groupingWindowMs: 1000,
  healthyMs: 60_000,
  updateIntervalMs: 10_000,
  maxIncidents: 8,
  maxUnits: 8,
}

type Names = Readonly<Record<string, readonly string[]>>

/** Runs a story through a book and writes down, line by line, what it says. */
export class Story implements Announcer {
  readonly said: string[] = []
  readonly stretches: string[] = []
  book: IncidentBook
  evicted = 0
  omitted = 0
  #nowMs = 0
  #ids = 0
  readonly #reports: UnitReport[] = []
  readonly #newBook: () => IncidentBook
  readonly #runs = new Map<string, number>()
  readonly #nameOf = new Map<string, string>()

  /**
   * @param needs - `b: ['a']` for b that needs a
   * @param handles - `h: ['a']` for h that is started when a fails
   */
  constructor(needs: Names = {}, part: Partial<BookLimits> = {}, handles: Names = {}) {
    this.#newBook = () =>
      new IncidentBook({
        limits: { ...limits, ...part },
        dependencies: dependencies(needs, handles),
        newId: () => {
          const id = (++this.#ids).toString(16).padStart(32, '0')
          this.#nameOf.set(id, `#${this.#ids}`)
          return id
        },
        announcer: this,
        countEvicted: () => this.evicted++,
        countUnitsOmitted: () => this.omitted++,
      })
    this.book = this.#newBook()
  }

  /**
   * `a failed`, `a failed will_restart`, `b taken_down by a`, ...: at so many milliseconds. `a failed since 200`: its
   * trouble began then; `ran 100`: its run did. A new run begins with each `starting` or `up`.
   */
  at(ms: number, line: string): this {
    this.#advance(ms)
    return this.#report(ms, line)
  }

  /** The same, told at once: a recording that is played as fast as possible. */
  replay(ms: number, line: string): this {
    return this.#report(ms, line)
  }

  #report(ms: number, line: string): this {
    const words = line.split(' ')
    const [unit, kind] = words as [string, ReportKind]
    const after = (word: string): string | undefined =>
      words.includes(word) ? words[words.indexOf(word) + 1] : undefined
    const cause = after('by')
    if (kind === 'starting' || kind === 'up') this.#runs.set(unit, (this.#runs.get(unit) ?? 0) + 1)
    const began = after('since')
    const ran = after('ran')
    const report: UnitReport = {
      kind,
      unit,
      scope: 'system',
      atNano: nano(ms),
      beganNano: began === undefined ? nano(ms) : nano(Number(began)),
      runBeganNano: ran === undefined ? undefined : nano(Number(ran)),
      runId: `${unit}${this.#runs.get(unit) ?? 0}`,
      reason: kind === 'failed' || kind === 'failing' || began !== undefined ? 'exit-code 3' : '',
      verdict: words.includes('will_restart') ? 'will_restart' : words.includes('gave_up') ? 'gave_up' : undefined,
      cause: cause === undefined ? undefined : { unit: cause, by: 'systemd', path: [cause, unit] },
      memoryScope: after('in'),
      impact: undefined,
      resource: sampleResource(unit),
    }
    this.#reports.push(report)
    this.book.observe(report, this.#nowMs)
    return this
  }

  /** What would be on the disk now. */
  saved(): readonly SavedIncident[] {
    const incidents = [...this.book.open].flatMap((incident) => {
      const saved = this.book.save(incident, (ms) => ms + kUnixMs)
      return saved === undefined ? [] : { ...saved, sent: { spans: 0, omitted: 0, root: false } }
    })
    return parseIncidents(JSON.parse(JSON.stringify({ bootId: '', incidents }))).incidents
  }

  /** The agent is killed now, and started again so much later, with what was on the disk. */
  restart(awayMs = 0, silentMs = 0, saved = this.saved()): this {
    this.#nowMs += awayMs
    this.book = this.#newBook()
    for (const one of saved) this.book.restore(one, (ms) => ms - kUnixMs, this.#nowMs + silentMs)
    return this
  }

  /** All since then is told once more, as by the journal after a kill. */
  retell(sinceMs: number): this {
    for (const report of this.#reports) if (report.atNano >= nano(sinceMs)) this.book.observe(report, this.#nowMs)
    return this
  }

  /** A state of the unit is read. */
  read(ms: number, unit: string): this {
    this.#advance(ms)
    this.book.read('system', unit, ms)
    return this
  }

  until(ms: number): this {
    this.#advance(ms)
    return this
  }

  idOf(unit: string): string | undefined {
    const incident = this.book.incidentOf('system', unit)
    return incident === undefined ? undefined : this.#nameOf.get(incident.id)
  }

  opened(incident: Incident): void {
    this.#say('opened', incident)
  }

  updated(incident: Incident, changes: readonly string[]): void {
    this.#say(`updated(${changes.join(', ')})`, incident)
  }

  resolved(incident: Incident, resolution: string): void {
    this.#say(`resolved(${resolution})`, incident)
  }

  stretch(incident: Incident, { kind, unit, startNano, endNano }: Stretch): void {
    const ms = (at: bigint): number => Number(at - kBaseNano) / 1e6
    this.stretches.push(`${this.#nameOf.get(incident.id)} ${unit} ${kind} ${ms(startNano)}-${ms(endNano)}`)
  }

  #say(what: string, { id, root, members, state }: Incident): void {
    const units = Array.from(members.values(), ({ unit }) => unit).join(' ')
    this.said.push(`${this.#nowMs} ${what} ${this.#nameOf.get(id)} ${state}, root ${root.unit}: ${units}`)
  }

  #advance(ms: number): void {
    for (let due = this.book.nextDueMs; due !== undefined && due <= ms; due = this.book.nextDueMs) {
      this.#nowMs = due
      this.book.expire(due)
    }
    this.#nowMs = ms
  }
}

function nano(ms: number): bigint {
  return kBaseNano + BigInt(ms) * 1_000_000n
}

function dependencies(needs: Names, handles: Names): Dependencies {
  return {
    handles: (_, unit) => handles[unit] ?? [],
    nearest(_, unit, wanted) {
      let level: (readonly string[])[] = [[unit]]
      const seen = new Set([unit])
      while (level.length > 0) {
        const next: (readonly string[])[] = []
        for (const path of level)
          for (const needed of needs[path[0]!] ?? []) {
            if (seen.has(needed)) continue
            seen.add(needed)
            if (wanted(needed)) return { unit: needed, by: 'Requires', path: [needed, ...path] }
            next.push([needed, ...path])
          }
        level = next
      }
      return undefined
    },
  }
}
