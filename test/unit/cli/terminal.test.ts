import { expect, it } from 'vitest'
import { outputOf } from '../../../src/cli/terminal.js'

const stream = (columns?: number) => Object.assign(Object.create(null), { write: () => true, isTTY: true, columns })

it.each([
  ['the terminal says its width', 120, {}, 120],
  ['COLUMNS is what somebody has asked for', 120, { COLUMNS: '200' }, 200],
  ['neither is known', undefined, {}, 80],
  ['of a pipe COLUMNS alone says it', undefined, { COLUMNS: '60' }, 60],
  ['no width', 120, { COLUMNS: '0' }, 120],
  ['no number', 120, { COLUMNS: '1e3' }, 120],
  ['one that nobody can mean', 120, { COLUMNS: '99999' }, 120],
])('%s', (_, columns, env, wanted) => {
  expect(outputOf(stream(columns), env).columns).toBe(wanted)
})
