import { attr } from './names.js'

/** All values of ActiveState: each gets a point, so that a sum over a unit is always 1. */
export const activeStates = [
  'active',
  'reloading',
  'inactive',
  'failed',
  'activating',
  'deactivating',
  'maintenance',
  'refreshing',
] as const

/** Of their points, in the same order; shared by all units. */
export const stateAttributes = activeStates.map((name) => Object.freeze({ [attr.activeState]: name }))

export const stateDescription = '1 for the state the unit is in, 0 for the others'
