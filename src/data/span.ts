import type { Attributes, EncodedFields } from './attributes.js'
import type { Resource } from './resource.js'

export type SpanKind = 'unspecified' | 'internal' | 'server' | 'client' | 'producer' | 'consumer'

export interface SpanEvent {
  readonly timeUnixNano: bigint
  readonly name: string
  readonly attributes: Attributes
  readonly rest?: EncodedFields
}

export interface SpanLink {
  readonly traceId: string
  readonly spanId: string
  readonly attributes: Attributes
  readonly rest?: EncodedFields
}

export interface Span {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly name: string
  readonly kind: SpanKind
  readonly startTimeUnixNano: bigint
  readonly endTimeUnixNano: bigint
  readonly attributes: Attributes
  readonly events: readonly SpanEvent[]
  readonly links: readonly SpanLink[]
  readonly status: { readonly code: 'unset' | 'ok' | 'error'; readonly message?: string }
  readonly resource: Resource
  /** Fields of OTLP's Span that have no place here (trace_state, flags, dropped counts); so in events and links. */
  readonly rest?: EncodedFields
}
