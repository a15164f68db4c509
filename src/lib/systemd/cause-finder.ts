import type { Occurrence } from './occurrence.js'
import type { TrackedUnit } from './tracked-unit.js'

/** Results of a job that make systemd give up the jobs that need it. */
const failingResults = new Set(['failed', 'dependency', 'timeout', 'canceled', 'assert', 'unsupported', 'once'])

/** Says which unit's failure another one's trouble comes from, as far as signals and configuration tell. */
export class CauseFinder {
  readonly #find: (unit: string) => TrackedUnit | undefined
  /** The unit whose job ended badly just now. PID 1 fails the jobs that need it in the same call, so they follow at once. */
  #lastFailed: { readonly unit: string; readonly causedBy: string | undefined } | undefined

  constructor(find: (unit: string) => TrackedUnit | undefined) {
    this.#find = find
  }

  /** To be called before `of` is asked about this job. */
  jobRemoved(unit: string, result: string): void {
    if (!failingResults.has(result)) this.#lastFailed = undefined
    else if (result !== 'dependency') this.#lastFailed = { unit, causedBy: undefined }
  }

  of(unit: string, { kind, job }: Occurrence): string | undefined {
    if (kind === 'stopped') return this.#find(unit)?.facts?.bindsTo.find((name) => this.#isOver(name))
    if (kind !== 'jobFinished' || job?.result !== 'dependency') return undefined
    const failed = this.#find(unit)?.facts?.requires.find((name) => this.#find(name)?.machine.phase === 'failed')
    return failed ?? this.#lastFailed?.unit
  }

  #isOver(name: string): boolean {
    const phase = this.#find(name)?.machine.phase
    return phase === 'failed' || phase === 'down' || phase === 'waiting'
  }
}
