import type { ConfigOf, ObjectSchema } from '../../component/schema.js'

export const schema = {
  type: 'object',
  description: 'Makes one incident of the failures that belong together.',
  properties: {
    grouping_window: {
      type: 'string',
      format: 'duration',
      default: '1s',
      description:
        'How far apart failures of one cause begin, where systemd itself names none. An incident is told of when it is this old: so long it may turn out to be part of another one.',
    },
    healthy_time: {
      type: 'string',
      format: 'duration',
      default: '60s',
      description: 'How long all units of an incident must be well before it is resolved.',
    },
    update_interval: {
      type: 'string',
      format: 'duration',
      default: '10s',
      description:
        'Of one incident, changes within this time are told in one `incident.updated`. That it has given up is told at once, the first time.',
    },
    dependency_depth: {
      type: 'integer',
      minimum: 1,
      maximum: 8,
      default: 3,
      description: 'How many steps along the dependencies a failure is followed to its cause.',
    },
    collection_interval: {
      type: 'string',
      format: 'duration',
      default: '10s',
      description: 'How often the metrics of incidents are made.',
    },
    trace_limit: {
      type: 'string',
      format: 'duration',
      default: '24h',
      description: "Age at which an incident's trace gets its root, though the incident goes on.",
    },
    max_incidents: {
      type: 'integer',
      minimum: 1,
      maximum: 10_000,
      default: 512,
      description:
        'Incidents at once; past it the one in which nothing has happened for longest is given up, and counted.',
    },
    max_units: {
      type: 'integer',
      minimum: 1,
      maximum: 10_000,
      default: 256,
      description: 'Units of one incident; further ones belong to it too, but are only counted.',
    },
    max_spans: {
      type: 'integer',
      minimum: 1,
      maximum: 100_000,
      default: 1000,
      description: "Spans of one incident's trace, without the root; what is left out is counted in the root.",
    },
  },
} as const satisfies ObjectSchema

export type Config = ConfigOf<typeof schema>
