import type { UnitDependencies } from '../../../../src/data/unit-dependencies.js'

/**
 * Units of a host as systemd describes them, what it adds by itself included (systemd.service(5), "Implicit
 * dependencies"): every service needs its slice, sysinit.target and its mounts, is ordered after basic.target and the
 * journal's socket and before shutdown.target; each tenth has a socket, and each needs its forerunner in some way.
 */
export function* hostUnits(count: number): Generator<[name: string, dependencies: UnitDependencies]> {
  const directives = ['Requires', 'Wants', 'BindsTo', 'PartOf', 'Upholds', 'OnFailure'] as const
  for (let n = 0; n < count; n++) {
    const name = `tenant-${n % 100}-worker@${n}.service`
    const before = n === 0 ? [] : [`tenant-${(n - 1) % 100}-worker@${n - 1}.service`]
    const socket = n % 10 === 0 ? [`tenant-${n % 100}-worker@${n}.socket`] : []
    const directive = directives[n % directives.length]!
    const slice = `tenant-${n % 100}.slice`
    yield [
      name,
      {
        Requires: ['sysinit.target', slice, '-.mount', ...(directive === 'Requires' ? before : [])],
        After: [
          'sysinit.target',
          'basic.target',
          'systemd-journald.socket',
          'network-online.target',
          '-.mount',
          slice,
          ...before,
          ...socket,
        ],
        Wants: ['network-online.target', ...(directive === 'Wants' ? before : [])],
        WantedBy: ['multi-user.target'],
        Before: ['shutdown.target', 'multi-user.target'],
        Conflicts: ['shutdown.target'],
        TriggeredBy: socket,
        ...(directive === 'Requires' || directive === 'Wants' ? {} : { [directive]: before }),
      },
    ]
  }
}
