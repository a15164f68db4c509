import type { Attributes } from './attributes.js'
import type { Resource } from './resource.js'

/** OTLP SeverityNumber of the four levels used here (opentelemetry-proto logs.proto). */
export const Severity = { debug: 5, info: 9, warn: 13, error: 17 } as const
export type SeverityNumber = (typeof Severity)[keyof typeof Severity]

/** Something that happened at one instant. Exported as an OTLP log record with EventName. */
export interface RawEvent {
  /** When it happened, by the source's own clock reading (nanoseconds since 1970). */
  readonly timeUnixNano: bigint
  /** When this agent saw it. */
  readonly observedTimeUnixNano: bigint
  /** `domain.object.verb`, e.g. `systemd.unit.failed`; never holds a dynamic value. */
  readonly name: string
  readonly severity: SeverityNumber
  /** One readable line; only for display, everything in it stands in `attributes` too. */
  readonly body: string
  readonly attributes: Attributes
  /** 32 lower-case hex digits; of a unit's run it is systemd's InvocationID. */
  readonly traceId?: string
  /** 16 lower-case hex digits. */
  readonly spanId?: string
  readonly resource: Resource
}
