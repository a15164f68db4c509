import fc from 'fast-check'

/**
 * Of all properties, so that a red run of the tests tells of a change and not of chance; told when one fails. Another one:
 * UNITSCOPE_SEED=n. `npm run soak -- properties` takes new ones round after round.
 */
const seed = Number(process.env['UNITSCOPE_SEED'] || 1)
if (!Number.isSafeInteger(seed)) throw new RangeError('UNITSCOPE_SEED is no whole number')
fc.configureGlobal({ seed })
