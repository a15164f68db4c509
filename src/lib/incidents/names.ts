/** Names of what incidents emit. Attributes stand with all others in lib/systemd/names.ts. */

/** EventName of each event: failures that belong together, told of once; what has changed since; the end. */
export const incidentEvent = {
  opened: 'incident.opened',
  updated: 'incident.updated',
  resolved: 'incident.resolved',
} as const

export const incidentMetric = {
  /** Gauge on the host resource: incidents that are not over [incident.state open|recovering|gave_up]. */
  incidents: 'systemd.incidents',
  /** Sum on the host resource: incidents told of since the agent started. Exemplar: the last one's trace. */
  opened: 'systemd.incidents.opened',
  /** Gauge on the root cause: units of its incident, 0 when that is over. */
  units: 'systemd.incident.units',
} as const
