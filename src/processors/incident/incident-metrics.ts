import type { Metric, NumberPoint } from '../../data/metric.js'
import type { Resource } from '../../data/resource.js'
import { incidentSpanId } from '../../lib/incidents/ids.js'
import type { Incident } from '../../lib/incidents/incident.js'
import { incidentMetric } from '../../lib/incidents/names.js'
import { attr } from '../../lib/systemd/names.js'

const states = ['open', 'recovering', 'gave_up'] as const

/** Counts incidents, and tells of those that are not over. */
export class IncidentMetrics {
  readonly #sinceNano: bigint
  #opened = 0
  #last: { readonly id: string; readonly atNano: bigint } | undefined
  /** Root causes that were told of, by the keys of their resources: one from before a restart is another object. */
  #told = new Map<string, Resource>()

  constructor(sinceNano: bigint) {
    this.#sinceNano = sinceNano
  }

  opened({ id }: Incident, atNano: bigint): void {
    this.#opened++
    this.#last = { id, atNano }
  }

  collect(open: Iterable<Incident>, host: Resource, timeUnixNano: bigint): readonly Metric[] {
    const byState = { open: 0, recovering: 0, gave_up: 0, resolved: 0 }
    const units = new Map<string, { readonly resource: Resource; readonly value: number }>()
    // A root cause whose incident is over is told of once more, as 0: who reads gauges would take the last value for true.
    for (const [key, resource] of this.#told) units.set(key, { resource, value: 0 })
    this.#told = new Map()
    for (const incident of open) {
      byState[incident.state]++
      const { resource } = incident.root
      const value = (units.get(resource.key)?.value ?? 0) + incident.members.size + incident.unitsOmitted
      units.set(resource.key, { resource, value })
      this.#told.set(resource.key, resource)
    }
    const now = { timeUnixNano }
    return [
      gauge(
        incidentMetric.incidents,
        '{incident}',
        'Incidents that are not over, by state.',
        host,
        states.map((state) => {
          return { ...now, attributes: { [attr.incidentState]: state }, value: byState[state] }
        }),
      ),
      total(incidentMetric.opened, '{incident}', 'Incidents told of since the agent started.', host, {
        ...now,
        attributes: {},
        startTimeUnixNano: this.#sinceNano,
        value: this.#opened,
        ...this.#exemplar(),
      }),
      ...Array.from(units.values(), ({ resource, value }) =>
        gauge(
          incidentMetric.units,
          '{unit}',
          'Units in the incident that has this unit as its root cause; 0 once it is over.',
          resource,
          [{ ...now, attributes: {}, value }],
        ),
      ),
    ]
  }

  #exemplar(): Pick<NumberPoint, 'exemplars'> {
    if (this.#last === undefined) return {}
    const { id, atNano } = this.#last
    return { exemplars: [{ timeUnixNano: atNano, value: 1, traceId: id, spanId: incidentSpanId(id) }] }
  }
}

function gauge(
  name: string,
  unit: string,
  description: string,
  resource: Resource,
  points: readonly NumberPoint[],
): Metric {
  return { type: 'gauge', valueType: 'int', name, unit, description, resource, points }
}

function total(name: string, unit: string, description: string, resource: Resource, point: NumberPoint): Metric {
  return { type: 'sum', valueType: 'int', monotonic: true, name, unit, description, resource, points: [point] }
}
