import type { ConfigComplaint } from '../../component/component.js'
import type { ConfigOf, ObjectSchema } from '../../component/schema.js'

export const schema = {
  type: 'object',
  description: 'Keeps whole traces by what came of them: all with errors, all slow ones, a share of the rest.',
  properties: {
    decision_wait: {
      type: 'string',
      format: 'duration',
      default: '5s',
      description:
        'From the first span of a trace until it is decided on. Senders wait for their answer as long, so it must be well below their timeout (OpenTelemetry: 10s).',
    },
    slow: {
      type: 'string',
      format: 'duration',
      default: '0s',
      description: 'Keeps traces with a span that took so long or longer. 0s: length does not matter.',
    },
    sampled_percentage: {
      type: 'number',
      minimum: 0,
      maximum: 100,
      default: 10,
      description: 'Of the other traces, this share is kept: chosen by trace ID, so that all gateways choose the same.',
    },
    max_held_spans: {
      type: 'integer',
      minimum: 1,
      maximum: 10_000_000,
      default: 100_000,
      description: 'Beyond it the spans that wait longest are decided on early, by what is known of their traces.',
    },
    max_traces: {
      type: 'integer',
      minimum: 1,
      maximum: 10_000_000,
      default: 100_000,
      description: 'Traces remembered, so that spans that come late go the way of those before.',
    },
  },
} as const satisfies ObjectSchema

export type Config = ConfigOf<typeof schema>

export function check({ decision_wait: ms }: Config): readonly ConfigComplaint[] {
  return ms >= 100 && ms <= 60_000 ? [] : [{ path: ['decision_wait'], reason: 'must be from 100ms to 1m' }]
}
