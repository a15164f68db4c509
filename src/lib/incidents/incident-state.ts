/**
 * How a unit of an incident is.
 *
 * - `named`: only named as a cause; its own failure was not told of yet
 * - `failing`: being stopped for what it did
 * - `failed`: what comes next is not known yet
 * - `waiting`, `starting`: systemd is at it
 * - `down`: another unit took it down, and nothing brings it back by itself
 * - `gave_up`: it stays down until somebody acts
 * - `up`, `done`: well again
 * - `ended`: nobody waits for it
 */
export type Standing =
  | 'named'
  | 'failing'
  | 'failed'
  | 'waiting'
  | 'starting'
  | 'down'
  | 'gave_up'
  | 'up'
  | 'done'
  | 'ended'

/** Nothing more is expected of it. */
export function isAtRest(standing: Standing): boolean {
  return standing === 'up' || standing === 'done' || standing === 'ended' || standing === 'named'
}

/**
 * ```
 *   open <──> recovering ──> resolved      recovering: all are well again, resolved after a healthy time
 *     │  ╲      │                          gave_up:    nothing moves any more, somebody has to act
 *     v   ╲     v
 *   gave_up <───┘ ──> recovering ...
 * ```
 */
export type IncidentState = 'open' | 'recovering' | 'gave_up' | 'resolved'

/** The state that an incident's units make up. `resolved` only where nobody waits for any of them. */
export function stateOf(members: Iterable<{ readonly standing: Standing }>): IncidentState {
  let gaveUp = false
  let down = false
  let well = false
  for (const { standing } of members) {
    switch (standing) {
      case 'failing':
      case 'failed':
      case 'waiting':
      case 'starting':
        return 'open'
      case 'gave_up':
        gaveUp = true
        break
      case 'down':
        down = true
        break
      case 'up':
      case 'done':
        well = true
        break
      case 'named':
      case 'ended':
        break
    }
  }
  if (gaveUp) return 'gave_up'
  if (down) return 'open'
  return well ? 'recovering' : 'resolved'
}
