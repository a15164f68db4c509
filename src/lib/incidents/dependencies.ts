import type { Cause } from './cause.js'

/** What has to be known of the units' dependencies to tell which failures belong together. */
export interface Dependencies {
  /** The nearest unit that a unit of this manager relies on, over others, and of which `wanted` holds. */
  nearest(scope: string, unit: string, wanted: (unit: string) => boolean): Cause | undefined
  /** Units for whose failure this one is started (OnFailure=). */
  handles(scope: string, unit: string): readonly string[]
}
