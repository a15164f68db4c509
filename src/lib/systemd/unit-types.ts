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
