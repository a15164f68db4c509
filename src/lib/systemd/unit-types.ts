/** Unit types by suffix, systemd.unit(5). */
export const unitTypes = [
  'service',
  'socket',
  'timer',
  'mount',
  'path',
  'swap',
  'target',
  'automount',
  'scope',
  'slice',
  'device',
] as const

/** What an operator asks about. Targets, slices, scopes and devices change often and rarely fail. */
export const defaultUnitTypes = ['service', 'socket', 'timer', 'mount', 'path', 'swap'] as const

/** As systemctl does: `nginx` means `nginx.service`. A pattern that ends in `*` may match any type. */
export function withUnitType(pattern: string): string {
  const typed = unitTypes.some((type) => pattern.endsWith(`.${type}`))
  return typed || pattern.endsWith('*') ? pattern : `${pattern}.service`
}

/** `service` of `nginx.service`. */
export function typeOfUnit(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1)
}

/** Whether it is the name of instances that are told together. */
export function isFold(name: string): boolean {
  return name.includes('@*.')
}
