import { expect, test } from 'vitest'
import { cursorUsec, isCursor } from '../../../../src/lib/journal/cursor.js'

const real =
  's=ac1a7921b6cb4993a6da552f93f54fed;i=186af;b=8a611ac890d64317ab1fdf4ccda9d996;m=a9d7ffea1;t=661685c83c514;x=f8905a67fe3e179b'

test('the time of an entry stands in its cursor', () => {
  expect(cursorUsec(real)).toBe(0x661685c83c514)
  expect(cursorUsec('s=ac;i=1')).toBeUndefined()
})

test.each([
  [real, true],
  ['s=ab;i=1', true],
  ['', false],
  ['--file=/etc/shadow', false],
  ['s=AB', false],
  ['s=ab;', false],
  [`s=${'a'.repeat(600)}`, false],
  [undefined, false],
])('%s is a cursor: %s', (text, expected) => {
  expect(isCursor(text)).toBe(expected)
})
