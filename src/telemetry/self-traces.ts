import type { OperationSpan, SpanSource, Tracer } from '../component/telemetry.js'
import type { Attributes } from '../data/attributes.js'
import type { Resource } from '../data/resource.js'
import type { Span, SpanEvent } from '../data/span.js'
import type { Clock } from '../util/clock.js'
import type { ComponentCounters } from './component-counters.js'
import { instanceAttributes } from './readings.js'

/** Spans that wait to be taken, some 1 KB each: of a busy gateway's 1000 requests per second all of 2 s, or 10 % of 20 s. */
const kMaxSpans = 2048

/** Of one span: a request that is repeated for hours says how often, and shows the first of it. */
const kMaxEvents = 32

export interface SelfTracesSettings {
  readonly clock: Pick<Clock, 'unixNano' | 'monotonicMs'>
  readonly random: () => number
  readonly resource: () => Resource
  /** All there are. */
  readonly components: () => Iterable<ComponentCounters>
}

/**
 * Spans of what the components do, for whoever collects them. While nobody does, no component has a tracer, and an operation
 * costs it one look.
 */
export class SelfTraces {
  readonly #settings: SelfTracesSettings
  readonly #collections = new Set<Collection>()
  #maxRatio = 0

  constructor(settings: SelfTracesSettings) {
    this.#settings = settings
  }

  open(ratio: number): SpanSource {
    const collection = new Collection(ratio, () => {
      this.#collections.delete(collection)
      this.#changed()
    })
    this.#collections.add(collection)
    this.#changed()
    return collection
  }

  /** Gives a component its tracer, or takes it away. */
  join(counters: ComponentCounters): void {
    if (this.#maxRatio === 0) counters.tracer = undefined
    else counters.tracer ??= this.#tracerOf(counters)
  }

  #changed(): void {
    this.#maxRatio = Math.max(0, ...[...this.#collections].map(({ ratio }) => ratio))
    for (const counters of this.#settings.components()) this.join(counters)
  }

  #tracerOf(counters: ComponentCounters): Tracer {
    const { kind: componentKind, id } = counters.id
    const attributes = instanceAttributes(counters)
    return {
      begin: (kind, what, holdsSpans) => {
        if (holdsSpans && counters.passesSelfTraces) return undefined
        // One draw for all who collect: what a smaller share has, a larger one has, too.
        const draw = this.#settings.random()
        if (draw >= this.#maxRatio) return undefined
        const name = `${componentKind}/${id}${what === '' ? '' : `/${what}`}`
        return new OpenSpan(this.#settings, { name, kind, attributes }, (span) => {
          for (const collection of this.#collections) if (draw < collection.ratio) collection.add(span)
        })
      },
    }
  }
}

class Collection implements SpanSource {
  readonly ratio: number
  readonly #onClose: () => void
  #spans: Span[] = []
  #lost = 0

  constructor(ratio: number, onClose: () => void) {
    this.ratio = ratio
    this.#onClose = onClose
  }

  add(span: Span): void {
    if (this.#spans.length < kMaxSpans) this.#spans.push(span)
    else this.#lost++
  }

  take(): { readonly spans: readonly Span[]; readonly lost: number } {
    const taken = { spans: this.#spans, lost: this.#lost }
    this.#spans = []
    this.#lost = 0
    return taken
  }

  close(): void {
    this.#onClose()
  }
}

class OpenSpan implements OperationSpan {
  readonly #settings: SelfTracesSettings
  readonly #head: Pick<Span, 'name' | 'kind' | 'attributes'>
  readonly #onEnd: (span: Span) => void
  readonly #startNano: bigint
  readonly #startMs: number
  readonly #ids: Pick<Span, 'traceId' | 'spanId'>
  readonly #events: SpanEvent[] = []

  constructor(
    settings: SelfTracesSettings,
    head: Pick<Span, 'name' | 'kind' | 'attributes'>,
    onEnd: (span: Span) => void,
  ) {
    const { clock, random } = settings
    this.#settings = settings
    this.#head = head
    this.#onEnd = onEnd
    this.#startNano = clock.unixNano()
    this.#startMs = clock.monotonicMs()
    this.#ids = { traceId: hex(random, 4), spanId: hex(random, 2) }
  }

  event(name: string, attributes: Attributes): void {
    if (this.#events.length < kMaxEvents) this.#events.push({ timeUnixNano: this.#now(), name, attributes })
  }

  end(attributes: Attributes, error?: string): void {
    this.#onEnd({
      ...this.#ids,
      ...this.#head,
      startTimeUnixNano: this.#startNano,
      endTimeUnixNano: this.#now(),
      attributes: { ...this.#head.attributes, ...attributes },
      events: this.#events,
      links: [],
      // Not `ok`: OpenTelemetry leaves that to whoever judges.
      status: error === undefined ? { code: 'unset' } : { code: 'error', message: error },
      resource: this.#settings.resource(),
    })
  }

  /** By the clock that never jumps: no span ends before it began. */
  #now(): bigint {
    return this.#startNano + BigInt(Math.round((this.#settings.clock.monotonicMs() - this.#startMs) * 1e6))
  }
}

/** An ID of words of 32 bits. All zero would be none (W3C Trace Context). */
function hex(random: () => number, words: number): string {
  const all = Array.from({ length: words }, () => Math.floor(random() * 2 ** 32))
  if (!all.some((word) => word > 0)) all[0] = 1
  return all.map((word) => word.toString(16).padStart(8, '0')).join('')
}
