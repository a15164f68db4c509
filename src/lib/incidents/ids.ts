import { hash } from 'node:crypto'

/** A new incident's ID, 32 hex digits: also that of its trace, and so never all zero. */
export function newIncidentId(random: () => number): string {
  let id = ''
  // A double holds 53 random bits: 32 at a time.
  for (let part = 0; part < 4; part++)
    id += Math.floor(random() * 2 ** 32)
      .toString(16)
      .padStart(8, '0')
  return /^0+$/.test(id) ? `${id.slice(1)}1` : id
}

/** The span that stands for the whole incident, known to whoever knows its ID. */
export function incidentSpanId(incidentId: string): string {
  return childSpanId(incidentId, 'incident')
}

export function childSpanId(incidentId: string, role: string): string {
  return hash('sha256', `${role}:${incidentId}`, 'hex').slice(0, 16)
}
