/** `npm run test:soak` sets it: rows that repeat do so as often as the long version wants. */
const long = process.env['UNITSCOPE_FAULTS'] === 'long'

/** How often a row repeats its fault. */
export const rounds = (short: number, many: number): number =>
  Number(process.env['UNITSCOPE_ROUNDS'] ?? (long ? many : short))

/** How long a row lasts, in the row's own unit; however often it repeats its fault. */
export const lasting = (short: number, whole: number): number => (long ? whole : short)

/**
 * The number of the matrix in the long version, which has the machine for itself; beside all other tests, where a process may stand still
 * for seconds, one that still tells what recovers from what does not.
 */
export const passNumber = (ofMatrix: number, beside: number): number => (long ? ofMatrix : beside)

/** Of all randomness of a row; told when it fails. Another one: UNITSCOPE_SEED=n. */
export const seedOf = (row: number): number => Number(process.env['UNITSCOPE_SEED'] ?? row)

/** A figure that depends on the machine, and so is told and not held against a limit. */
export const tell = (figure: string): void => console.info(figure)
