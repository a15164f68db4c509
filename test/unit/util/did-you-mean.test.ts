import fc from 'fast-check'
import { expect, test } from 'vitest'
import { didYouMean, hint } from '../../../src/util/did-you-mean.js'

const keys = ['collection_interval', 'unit_types', 'endpoint', 'log_level', 'service_whitelist', 'tls', 'warn']

test.each<[string, string | undefined, string]>([
  ['endpiont', 'endpoint', 'two letters swapped'],
  ['endpont', 'endpoint', 'a letter left out'],
  ['endppoint', 'endpoint', 'a letter twice'],
  ['unit-types', 'unit_types', 'a dash for an underscore'],
  ['UnitTypes', 'unit_types', 'camel case'],
  ['LOG_LEVEL', 'log_level', 'upper case'],
  ['collection_intervall', 'collection_interval', 'one letter too many'],
  ['warning', 'warn', 'the long form of a word'],
  ['coll', 'collection_interval', 'the beginning of a word'],
  ['tsl', 'tls', 'a short word'],
  ['interval', undefined, 'the end of a word is not enough'],
  ['tl', undefined, 'two letters are no hint'],
  ['zebra', undefined, 'nothing alike'],
  ['', undefined, 'nothing at all'],
])('%s -> %s (%s)', (word, meant) => {
  expect(didYouMean(word, keys)).toBe(meant)
})

test('the nearest wins, and of equals the first', () => {
  expect(didYouMean('sources', ['source', 'sourced', 'sources2'])).toBe('source')
  expect(didYouMean('batch', ['batcx', 'batch'])).toBe('batch')
})

test('a hint is ready to stand at the end of a sentence', () => {
  expect(`unknown key "tsl"${hint('tsl', keys)}`).toBe('unknown key "tsl": did you mean "tls"?')
  expect(hint('zebra', keys)).toBe('')
})

test('any word is answered with a candidate or nothing, and a candidate with itself', () => {
  fc.assert(
    fc.property(
      fc.string({ maxLength: 200 }),
      fc.array(fc.string({ maxLength: 80 }), { maxLength: 5 }),
      (word, words) => {
        const meant = didYouMean(word, words)
        expect(meant === undefined || words.includes(meant)).toBe(true)
      },
    ),
  )
  for (const key of keys) expect(didYouMean(key, keys)).toBe(key)
})
