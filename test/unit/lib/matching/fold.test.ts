import { expect, test } from 'vitest'
import { compileFold, defaultFold } from '../../../../src/lib/matching/fold.js'

test.each<[unit: string, fold: string | undefined]>([
  ['sshd@7-10.0.0.1:22-10.0.0.9:51514.service', 'sshd@*.service'],
  ['my-app@0-[::1]:80-[fe80::1]:4242.service', 'my-app@*.service'],
  ['backup@2026-11-29.service', undefined],
  ['getty@tty1.service', undefined],
  ['user@1000.service', undefined],
  ['nginx.service', undefined],
])('by default %s is told as %s', (unit, fold) => {
  expect(compileFold(defaultFold)?.(unit)).toBe(fold)
})

test.each<[patterns: string[], unit: string, fold: string | undefined]>([
  [['worker@*'], 'worker@3.service', 'worker@*.service'],
  [['worker@*'], 'worker@a@b.timer', 'worker@*.timer'],
  [['worker*'], 'worker.service', undefined],
  [['worker*'], 'worker@.service', undefined],
  [[], 'worker@3.service', undefined],
])('with %j %s is told as %s', (patterns, unit, fold) => {
  expect(compileFold(patterns)?.(unit)).toBe(fold)
})
