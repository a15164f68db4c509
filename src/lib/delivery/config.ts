import type { ConfigComplaint } from '../../component/component.js'
import type { ConfigOf, ObjectSchema } from '../../component/schema.js'
import type { DeliveryPolicy } from './contract.js'

/** The `sending_queue` and `retry` sections, the same for every exporter that sends to a server. */
export const sendingQueueSchema = {
  type: 'object',
  description: 'What waits while the server is slow or away: in memory, or with `storage` on disk.',
  default: {},
  properties: {
    storage: {
      type: 'string',
      format: 'extension',
      description:
        'Id of a `file_queue` extension: what was taken in is on disk until it is delivered, and outlives the agent. `max_items` and `max_bytes` (8 MiB at most) then bound the part of it that is in memory. Without it the queue is in memory only.',
    },
    max_items: {
      type: 'integer',
      minimum: 1,
      maximum: 10_000_000,
      default: 50_000,
      description: 'Events, spans and metric points held at most, those being sent included.',
    },
    max_bytes: {
      type: 'string',
      format: 'size',
      default: '32MiB',
      description: 'Serialised bytes held at most. The memory an outage can cost.',
    },
    concurrency: {
      type: 'integer',
      minimum: 1,
      maximum: 64,
      default: 4,
      description: 'Requests under way at once. With 1 the server sees data in order.',
    },
    request_interval: {
      type: 'string',
      format: 'duration',
      default: '200ms',
      description:
        'Requests of one signal begin at least so far apart (of spans over OTLP: `1s`); what comes meanwhile goes into the next. The first after a pause goes at once. Longer saves CPU. At most `10s`; `0s`: each batch is a request of its own.',
    },
    overflow: {
      type: 'string',
      enum: ['block', 'drop_oldest', 'drop_newest'],
      default: 'block',
      description:
        'When full, or the disk is: `block` makes the pipeline wait (back-pressure); `drop_oldest` and `drop_newest` give up the oldest or what comes next, counted. On disk the oldest goes by the segment, an eighth of the queue.',
    },
    shutdown_timeout: {
      type: 'string',
      format: 'duration',
      default: '5s',
      description:
        'How long a stopping agent goes on delivering, at most `6s`; the rest is dropped and counted, or with `storage` kept.',
    },
  },
  renamed: { queue_size: 'max_items', num_consumers: 'concurrency' },
} as const satisfies ObjectSchema

export const retrySchema = {
  type: 'object',
  description: 'How failed requests are repeated. A wait the server asks for (RetryInfo, Retry-After) is always kept.',
  default: {},
  properties: {
    initial_delay: {
      type: 'string',
      format: 'duration',
      default: '1s',
      description: 'Wait after the first failure.',
    },
    max_delay: {
      type: 'string',
      format: 'duration',
      default: '30s',
      description: 'Longest wait between two tries.',
    },
    multiplier: {
      type: 'number',
      minimum: 1,
      maximum: 10,
      default: 1.5,
      description: 'Growth of the wait per failure.',
    },
    jitter: {
      type: 'number',
      minimum: 0,
      maximum: 1,
      default: 0.5,
      description: 'Spread of each wait: 0.5 means 50 % to 150 %, so that many agents do not return in step.',
    },
    max_retries: {
      type: 'integer',
      minimum: 0,
      maximum: 1_000_000,
      default: 0,
      description: 'A request is dropped (and counted) when it has failed once and so many times more. 0: no limit.',
    },
    max_elapsed_time: {
      type: 'string',
      format: 'duration',
      description:
        'A request is dropped (and counted) when it has failed this long. `0s`: never give up. By default `5m`, and `0s` with a `sending_queue.storage`.',
    },
  },
  renamed: {
    initial_interval: 'initial_delay',
    max_interval: 'max_delay',
    breaker_failures: 'circuit_breaker.failure_threshold',
    breaker_open_time: 'circuit_breaker.timeout',
  },
} as const satisfies ObjectSchema

/** The `circuit_breaker` section. */
export const circuitBreakerSchema = {
  type: 'object',
  description: 'When a server that fails is left alone but for a probe now and then.',
  default: {},
  properties: {
    failure_threshold: {
      type: 'integer',
      minimum: 1,
      maximum: 10_000,
      default: 10,
      description: 'Failures in a row after which only one request at a time probes the server.',
    },
    success_threshold: {
      type: 'integer',
      minimum: 1,
      maximum: 10_000,
      default: 1,
      description: 'Probes in a row that must succeed before all senders go on.',
    },
    timeout: {
      type: 'string',
      format: 'duration',
      // A server that refuses seven of ten requests at random opens it, too: all must be there 10 s after that is over.
      default: '5s',
      description:
        'Pause before such a probe; after each that fails half as long again, up to `15s` where this is shorter.',
    },
  },
} as const satisfies ObjectSchema

/** How long a request may fail where the configuration does not say, and it would only wait in memory. */
const kMaxElapsedMs = 5 * 60_000

/**
 * What a stop leaves for delivering: the process ends by force after 10 s, and receivers and processors may have 1.5 s each
 * before (decision 0082). Cut off by force, the queue would be lost uncounted; so a second is kept in hand.
 */
export const kMaxShutdownMs = 6000

/** What waits for its request is neither delivered nor counted as late by anybody. */
const kMaxRequestIntervalMs = 10_000

export function checkSendingQueue(queue: ConfigOf<typeof sendingQueueSchema>): readonly ConfigComplaint[] {
  const complaints: ConfigComplaint[] = []
  const shutdown = `must be at most ${kMaxShutdownMs / 1000}s: a stop takes 10 s in all, what is left then is lost uncounted`
  if (queue.shutdown_timeout > kMaxShutdownMs) complaints.push({ path: ['shutdown_timeout'], reason: shutdown })
  if (queue.request_interval > kMaxRequestIntervalMs)
    complaints.push({ path: ['request_interval'], reason: `must be at most ${kMaxRequestIntervalMs / 1000}s` })
  return complaints
}

/** The policy three validated sections say. */
export function deliveryPolicy(
  queue: ConfigOf<typeof sendingQueueSchema>,
  retry: ConfigOf<typeof retrySchema>,
  breaker: ConfigOf<typeof circuitBreakerSchema>,
): DeliveryPolicy {
  return {
    queue: {
      maxItems: queue.max_items,
      maxBytes: queue.max_bytes,
      concurrency: queue.concurrency,
      overflow: queue.overflow,
    },
    retry: {
      initialMs: retry.initial_delay,
      maxMs: retry.max_delay,
      multiplier: retry.multiplier,
      jitter: retry.jitter,
      maxRetries: retry.max_retries,
      maxElapsedMs: retry.max_elapsed_time ?? (queue.storage === undefined ? kMaxElapsedMs : 0),
    },
    breaker: {
      failureThreshold: breaker.failure_threshold,
      successThreshold: breaker.success_threshold,
      openMs: breaker.timeout,
    },
    shutdownMs: queue.shutdown_timeout,
  }
}
