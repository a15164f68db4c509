import type { Span } from '../../data/span.js'

/** What is known of a trace. */
export interface Trace {
  readonly dueMs: number
  /** It has what is always kept. */
  kept: boolean
}

export interface TraceRules {
  readonly waitMs: number
  /** 0n: length does not matter. */
  readonly slowNano: bigint
  /** Of traces without errors, 0 to 1. */
  readonly share: number
  readonly maxTraces: number
}

/** The last 56 bits of a trace ID are random (W3C Trace Context, level 2); 48 of them are exact in a double. */
const kDigits = 12
const kRange = 2 ** 48

/** The traces of late, each decided once: on the whole of what had come when it was due. */
export class Traces {
  readonly #rules: TraceRules
  /** In the order in which they began. */
  readonly #byId = new Map<string, Trace>()

  constructor(rules: TraceRules) {
    this.#rules = rules
  }

  get size(): number {
    return this.#byId.size
  }

  /** Notes a span, and gives what is known of its trace. */
  see(span: Span, nowMs: number): Trace {
    const { traceId } = span
    let trace = this.#byId.get(traceId)
    if (trace === undefined) {
      trace = { dueMs: nowMs + this.#rules.waitMs, kept: this.#isChosen(traceId) }
      this.#byId.set(traceId, trace)
      if (this.#byId.size > this.#rules.maxTraces) this.#byId.delete(this.#byId.keys().next().value!)
    }
    // A failure that comes when the others have been left out is told all the same.
    if (!trace.kept && this.#matters(span)) trace.kept = true
    return trace
  }

  #matters({ status, startTimeUnixNano, endTimeUnixNano }: Span): boolean {
    if (status.code === 'error') return true
    const { slowNano } = this.#rules
    return slowNano > 0n && endTimeUnixNano - startTimeUnixNano >= slowNano
  }

  #isChosen(traceId: string): boolean {
    const { share } = this.#rules
    return share >= 1 || Number.parseInt(traceId.slice(-kDigits), 16) < share * kRange
  }
}
