import { expect, test } from 'vitest'
import { checkRules, compileRules, type RuleConfig, ruleSchema } from '../../../../src/lib/matching/record-rule.js'
import { createRecordView } from '../../../../src/lib/matching/record-view.js'
import { createTestConfig } from '../../../../src/testkit/create-test-config.js'
import { sampleEvent } from '../../../../src/testkit/sample.js'

const event = sampleEvent({
  name: 'systemd.unit.failed',
  attributes: { 'systemd.unit.name': 'a.service', code: 3, big: 3n, up: true, tags: ['x', 'web-1'], empty: '' },
})

function rule(written: unknown): RuleConfig {
  return createTestConfig(ruleSchema, written)
}

function matches(...written: readonly unknown[]): boolean {
  const rules = written.map(rule)
  expect(checkRules(rules)).toEqual([])
  return compileRules(rules, () => {})!(createRecordView('systemd.unit.name').ofEvent(event))
}

test.each([
  [{ names: ['systemd.unit.*'] }, true],
  [{ names: ['other', 'systemd.unit.failed'] }, true],
  [{ names: ['systemd.unit.failed'], units: ['b.service'] }, false],
  [{ units: ['a.*'] }, true],
  [{ attributes: { code: 3 } }, true],
  [{ attributes: { code: '3' } }, true],
  [{ attributes: { code: 4 } }, false],
  [{ attributes: { big: 3 } }, true],
  [{ attributes: { up: true } }, true],
  [{ attributes: { up: 'true' } }, true],
  [{ attributes: { tags: 'web-*' } }, true],
  [{ attributes: { empty: '' } }, true],
  [{ attributes: { 'host.name': 'te*' } }, true],
  [{ attributes: { missing: '*' } }, false],
  [{ attributes: { toString: '*' } }, false],
  [{ units: ['a.service'], expression: 'attributes.code == 3' }, true],
  [{ units: ['a.service'], expression: 'attributes.nope == 3' }, false],
])('%j: %s', (written, expected) => {
  expect(matches(written)).toBe(expected)
})

test('one rule of a list is enough, and no list is no test', () => {
  expect(matches({ names: ['no'] }, { units: ['a.service'] })).toBe(true)
  expect(compileRules([], () => {})).toBeUndefined()
})

test('a failed expression is told of once per record', () => {
  let failures = 0
  const matchesRecord = compileRules([rule({ expression: 'attributes.nope == 1' })], () => failures++)!
  matchesRecord(createRecordView('systemd.unit.name').ofEvent(event))
  expect(failures).toBe(1)
})

test('every mistake is reported at its key', () => {
  const complaints = checkRules([
    rule({ names: ['ok', '[z-a]'], attributes: { k: 'a[' }, expression: 'nope' }),
    rule({}),
  ])
  expect(complaints.map(({ path }) => path)).toEqual([[0, 'names', 1], [0, 'attributes', 'k'], [0, 'expression'], [1]])
})
