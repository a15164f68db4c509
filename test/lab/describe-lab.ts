import { describe } from 'vitest'
import { type LabOptions, labUnavailable } from './lab.js'

/** A `describe` whose tests need the lab; where none can run they are skipped and their title says why. */
export function describeLab(title: string, tests: () => void, options: LabOptions = {}): void {
  const reason = labUnavailable(options)
  if (reason === undefined) describe(title, tests)
  else describe.skip(`${title} [skipped: ${reason}]`, tests)
}
