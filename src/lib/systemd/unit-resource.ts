import type { Attributes } from '../../data/attributes.js'
import type { Resource, ResourcePool } from '../../data/resource.js'
import { attr } from './names.js'

/** The resource of the machine itself. */
export function hostResource(pool: ResourcePool): Resource {
  return pool.intern('host', () => ({ 'service.name': 'unitscope', ...pool.host }))
}

/**
 * The resource of a unit: `service.name` is the unit's name, so Jaeger lists units as services.
 * Scope tells the system manager's units from a user's ones of the same name.
 */
export function unitResource(
  pool: ResourcePool,
  unit: string,
  scope: 'system' | 'user' = 'system',
  extra: Attributes = {},
): Resource {
  return pool.intern(`unit:${scope}:${unit}`, () => ({
    'service.name': unit,
    ...pool.host,
    [attr.unit]: unit,
    [attr.unitType]: unit.slice(unit.lastIndexOf('.') + 1),
    ...(scope === 'user' ? { 'systemd.scope': scope } : {}),
    ...extra,
  }))
}
