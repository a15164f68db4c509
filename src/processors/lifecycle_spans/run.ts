import type { Attributes } from '../../data/attributes.js'
import type { RawEvent } from '../../data/event.js'
import type { SpanEvent } from '../../data/span.js'
import { attr, event as names } from '../../lib/systemd/names.js'
import type { RunMarks } from './phases.js'

/** More than a run has in practice (start, reloads, end); a unit reloaded each second must not grow for ever. */
const kMaxSpanEvents = 64

/** One run of a unit, from the first event about it to its end. */
export class Run {
  readonly invocationId: string
  /** The run before, when known. */
  readonly previous: string | undefined
  readonly events: SpanEvent[] = []
  eventsDropped = 0
  #inactiveExit = 0
  #activeEnter = 0

  constructor(invocationId: string, previous: string | undefined) {
    this.invocationId = invocationId
    this.previous = previous
  }

  /** Takes an event in; one already known (a batch offered again) changes nothing. */
  add(event: RawEvent): void {
    if (this.events.some((known) => known.name === event.name && known.timeUnixNano === event.timeUnixNano)) return
    if (event.name === names.started || event.name === names.restarted) {
      this.#inactiveExit = usec(event.attributes, attr.inactiveExitUsec)
      this.#activeEnter = usec(event.attributes, attr.activeEnterUsec)
    }
    // The last place is the end's.
    if (this.events.length >= kMaxSpanEvents - (isEnd(event) ? 0 : 1)) this.eventsDropped++
    else this.events.push({ timeUnixNano: event.timeUnixNano, name: event.name, attributes: { message: event.body } })
  }

  /** @param last - the event that ends the run */
  marks(last: RawEvent): RunMarks {
    const { attributes } = last
    const activeState = String(attributes[attr.activeState])
    const told = Number(last.timeUnixNano / 1000n)
    return {
      inactiveExit: usec(attributes, attr.inactiveExitUsec),
      activeEnter: usec(attributes, attr.activeEnterUsec),
      activeExit: usec(attributes, attr.activeExitUsec),
      inactiveEnter: usec(attributes, attr.inactiveEnterUsec),
      mainStart: usec(attributes, attr.execMainStartUsec),
      mainExit: usec(attributes, attr.execMainExitUsec),
      seenInactiveExit: this.#inactiveExit,
      seenActiveEnter: this.#activeEnter,
      over: !aliveStates.has(activeState),
      waiting: activeState === 'activating',
      // An event of which systemd keeps no time has the one at which it was observed.
      ended: last.timeUnixNano === last.observedTimeUnixNano ? 0 : told,
      told,
    }
  }
}

const aliveStates = new Set(['active', 'reloading', 'refreshing', 'deactivating'])
const ends = new Set<string>([names.failed, names.stopped, names.restarting])

/** Whether the event tells that a run has ended. */
export function isEnd(event: RawEvent): boolean {
  return ends.has(event.name)
}

function usec(attributes: Attributes, key: string): number {
  const value = Number(attributes[key])
  return Number.isSafeInteger(value) && value > 0 ? value : 0
}
