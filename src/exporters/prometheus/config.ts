import type { ConfigComplaint } from '../../component/component.js'
import type { ConfigOf, ObjectSchema } from '../../component/schema.js'
import { parseListenAddress } from '../../lib/openmetrics/listen-address.js'

export const schema = {
  type: 'object',
  description: 'Serves the newest metrics, and counts of events, to a Prometheus that scrapes.',
  properties: {
    endpoint: {
      type: 'string',
      default: '127.0.0.1:9464',
      description: 'Address to listen on, `host:port`. Anything but loopback needs `insecure_bind: true`.',
    },
    path: {
      type: 'string',
      pattern: '^/[A-Za-z0-9._~/-]*$',
      form: 'a path such as /metrics, of letters, digits and "._~/-"',
      maxLength: 256,
      default: '/metrics',
      description: 'Path of the page.',
    },
    profiles: {
      type: 'array',
      minItems: 1,
      maxItems: 3,
      default: ['unitscope'],
      description:
        'Names of the metrics: `unitscope` (all of them, OpenTelemetry names), `node_exporter` and `systemd_exporter` (the names their dashboards know).',
      items: {
        type: 'string',
        enum: ['unitscope', 'node_exporter', 'systemd_exporter'],
        description: 'A set of names.',
      },
    },
    metric_expiration: {
      type: 'string',
      format: 'duration',
      default: '5m',
      description: 'A series without an update for so long is forgotten; longer than the slowest collection interval.',
    },
    max_series: {
      type: 'integer',
      minimum: 1,
      maximum: 5_000_000,
      default: 100_000,
      description: 'Series kept at most; what comes beyond is dropped and counted (reason `series_limit`).',
    },
    allowed_hosts: {
      type: 'array',
      maxItems: 100,
      default: [],
      description:
        'Host headers to answer besides loopback names (without port). Stops web pages from reading the metrics by DNS rebinding.',
      items: {
        type: 'string',
        pattern: '^[A-Za-z0-9._:-]+$',
        form: 'a host name or address, without port',
        maxLength: 255,
        description: 'A host name or address.',
      },
    },
    insecure_bind: {
      type: 'boolean',
      default: false,
      description: 'Allows to listen beyond loopback, without TLS or password: everyone who reaches the port reads it.',
    },
  },
} as const satisfies ObjectSchema

export type Config = ConfigOf<typeof schema>

export function check(config: Config): readonly ConfigComplaint[] {
  const complaints: ConfigComplaint[] = []
  const address = parseListenAddress(config.endpoint)
  if ('reason' in address) complaints.push({ path: ['endpoint'], reason: address.reason })
  else if (!address.loopback && !config.insecure_bind)
    complaints.push({
      path: ['endpoint'],
      reason: `${config.endpoint} can be reached from other machines and has neither TLS nor password; if that is meant, set insecure_bind: true`,
    })
  if (config.metric_expiration < 1000) complaints.push({ path: ['metric_expiration'], reason: 'must be at least 1s' })
  const doubled = config.profiles.findIndex((name, index) => config.profiles.indexOf(name) !== index)
  if (doubled >= 0) complaints.push({ path: ['profiles', doubled], reason: 'is listed twice' })
  return complaints
}
