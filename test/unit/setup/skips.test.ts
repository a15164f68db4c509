import { expect, test } from 'vitest'
import { forbiddenSkips } from '../../setup/skips.mjs'

const lab = 'a service that fails [skipped: lab: needs root] is seen'
const listed = 'the demo [skipped: this machine has a systemd] plays'

test.each([
  ['on a runner', 'true', [lab]],
  ['at home', undefined, []],
])('a skipped lab is an error %s, but for a reason that is listed', (_where, CI, expected) => {
  expect(forbiddenSkips([lab, listed], { CI })).toEqual(expected)
})
