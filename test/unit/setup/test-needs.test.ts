import { expect, test } from 'vitest'
import { filesThat, needsLab, needsOwnProcess } from '../../setup/test-needs.js'

const root = new URL('../../../', import.meta.url)

const helper = (path: string) => /\.m?[jt]s$/.test(path) && !/\.test\.ts$|\.d\.m?ts$/.test(path)
const helpersThat = (is: (text: string) => boolean): readonly string[] =>
  ['src/testkit', 'test/unit', 'test/contract', 'test/support'].flatMap((folder) => filesThat(is, root, folder, helper))

test('what a process has but once is touched by a test itself: no helper does it for another', () => {
  // These are programs, or read the arguments of one.
  const programs = ['test/support/command-line.mjs', 'test/support/otlp-backend/main.mjs']
  expect(helpersThat(needsOwnProcess).filter((path) => !programs.includes(path))).toEqual([])
})

test('no helper has hooks: it is loaded once in a process, and they would be those of the first file alone', () => {
  expect(helpersThat((text) => /^(?:before|after)(?:Each|All)\(/m.test(text))).toEqual([])
})

test('tests with a clock of their own, another user or a count of open files are told from those without', () => {
  const alone = filesThat(needsOwnProcess, root, 'test/unit', (path) => path.endsWith('.test.ts'))
  expect(alone).toEqual(
    expect.arrayContaining([
      'test/unit/config/file-references-as-user.test.ts',
      'test/unit/exporters/file/file.test.ts',
      'test/unit/util/clock.test.ts',
    ]),
  )
  expect(alone).not.toContain('test/unit/layers.test.ts')
})

test.each([
  ["import { describeLab } from '../lab/describe-lab.js'", true],
  ["import { bootLab, type Lab } from '../lab/lab.js'", true],
  ["import { type Lab, waitFor } from '../lab/lab.js'", false],
  ["import { startNats } from '../support/start-nats.js'", false],
])('%s: needs a lab: %s', (text, needed) => {
  expect(needsLab(text)).toBe(needed)
})
