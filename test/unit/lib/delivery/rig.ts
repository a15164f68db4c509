import type { Parcel } from '../../../../src/lib/delivery/bounded-queue.js'
import { createDelivery, type DeliveryPolicy } from '../../../../src/lib/delivery/delivery.js'
import type { SendResult } from '../../../../src/lib/delivery/sender.js'
import { FakeClock } from '../../../../src/testkit/fake-clock.js'
import { RecordingTelemetry, seededRandom } from '../../../../src/testkit/test-settings.js'

export type Part = {
  queue?: Partial<DeliveryPolicy['queue']>
  retry?: Partial<DeliveryPolicy['retry']>
  breaker?: Partial<DeliveryPolicy['breaker']>
  /** Join what comes within so many milliseconds. */
  intervalMs?: number
  /** Bytes between two that are joined: a comma of JSON. */
  between?: number
}
/** `numbers` stand for its bytes. */
export type LaneParcel = Parcel & { readonly lane?: string; readonly numbers?: readonly number[] }
export type Server = (parcel: Parcel, call: number, signal: AbortSignal) => SendResult | Promise<SendResult>

export const delivered = { kind: 'delivered' } as const satisfies SendResult
export const down = { kind: 'retryable', reason: 'UNAVAILABLE: down' } as const satisfies SendResult

export function setUp(server: Server, part: Part = {}, seed = 1) {
  const clock = new FakeClock()
  const telemetry = new RecordingTelemetry()
  const health: (string | undefined)[] = []
  const got: Parcel[] = []
  const callTimes: number[] = []
  const policy: DeliveryPolicy = {
    queue: { maxItems: 100, maxBytes: 10_000, concurrency: 2, overflow: 'block', ...part.queue },
    retry: { initialMs: 1000, maxMs: 30_000, multiplier: 1.5, jitter: 0.5, maxElapsedMs: 300_000, ...part.retry },
    breaker: { failureThreshold: 1000, openMs: 10_000, ...part.breaker },
    shutdownMs: 5000,
  }
  const lines: string[] = []
  const say =
    (level: string) =>
    (message: string): void =>
      void lines.push(`${level} ${message}`)
  const delivery = createDelivery<LaneParcel>({
    policy,
    send: async (parcel, signal) => {
      callTimes.push(clock.monotonicMs())
      const result = await server(parcel, callTimes.length - 1, signal)
      if (result.kind === 'delivered') got.push(parcel)
      return result
    },
    clock,
    random: seededRandom(seed),
    telemetry,
    logger: { debug: say('debug'), info: say('info'), warn: say('warn'), error: say('error') },
    signalsOf: ({ items }) => ({ logs: items }),
    laneOf: ({ lane }) => lane ?? '',
    joining:
      part.intervalMs === undefined
        ? undefined
        : { intervalMs: () => part.intervalMs!, maxBytes: 256 * 1024, join: (parcels) => join(parcels, part.between) },
    onHealth: (trouble) => health.push(trouble),
  })
  const held = (): number => telemetry.gauges.get('queue_items')!()
  return { delivery, clock, telemetry, health, lines, got, callTimes, held }
}

/** One after the other, as the bytes of OTLP requests. */
function join(parcels: readonly LaneParcel[], between = 0): LaneParcel {
  const items = parcels.reduce((sum, one) => sum + one.items, 0)
  const byteLength = parcels.reduce((sum, one) => sum + one.byteLength, (parcels.length - 1) * between)
  return { ...parcels[0], items, byteLength, numbers: parcels.flatMap(({ numbers = [] }) => numbers) }
}

export function parcel(items = 1, byteLength = 10): Parcel {
  return { items, byteLength }
}

export function hang(_: Parcel, __: number, signal: AbortSignal): Promise<SendResult> {
  return new Promise((resolve) =>
    signal.addEventListener('abort', () => resolve({ kind: 'retryable', reason: 'CANCELLED' })),
  )
}
