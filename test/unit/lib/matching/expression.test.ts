import { describe, expect, test } from 'vitest'
import { compileExpression } from '../../../../src/lib/matching/expression.js'
import { createRecordView } from '../../../../src/lib/matching/record-view.js'
import { sampleEvent, sampleGauge, sampleResource, sampleSpan } from '../../../../src/testkit/sample.js'

const record = createRecordView('systemd.unit.name')

function check(source: string, view = record.ofEvent(event)): boolean | undefined {
  const compiled = compileExpression(source)
  if (typeof compiled !== 'function') throw new Error(compiled.reason)
  return compiled(view)
}

const event = sampleEvent({
  name: 'systemd.unit.failed',
  severity: 17,
  body: 'nginx.service failed',
  attributes: {
    'systemd.unit.name': 'nginx.service',
    'process.exit.code': 3,
    big: 9_007_199_254_740_993n,
    tags: ['a', 'b'],
  },
})

describe('expressions over an event', () => {
  test.each([
    ['kind == "event"', true],
    ['name.startsWith("systemd.unit.")', true],
    ['unit == "nginx.service"', true],
    ['severity >= WARN', true],
    ['severity > ERROR', false],
    ['severity == 17', true],
    ['body.contains("failed")', true],
    ['attributes["process.exit.code"] == 3', true],
    ['attributes["process.exit.code"] in [1, 2, 3]', true],
    ['attributes.big == 9007199254740993', true],
    ['"b" in attributes.tags', true],
    ['resource["host.name"] == "test"', true],
    ['"nope" in attributes && attributes.nope == 1', false],
    ['value == null', true],
  ])('%s: %s', (source, expected) => {
    expect(check(source)).toBe(expected)
  })

  test('an attribute that is missing makes it fail, which is neither true nor false', () => {
    expect(check('attributes.nope == 1')).toBeUndefined()
    expect(check('!(attributes.nope == 1)')).toBeUndefined()
    expect(check('attributes.constructor == 1')).toBeUndefined()
    expect(check('attributes.__proto__ == 1')).toBeUndefined()
  })

  test('a result known only at run time must be a bool', () => {
    expect(check('attributes["process.exit.code"]')).toBeUndefined()
  })
})

test('points and spans have a value; the unit may come from the resource', () => {
  const gauge = sampleGauge([7], { resource: sampleResource('db.service') })
  expect(check('kind == "metric" && value > 6 && unit == "db.service"', record.ofPoint(gauge, gauge.points[0]!))).toBe(
    true,
  )
  const span = sampleSpan({ endTimeUnixNano: 1_700_000_002_000_000_000n, status: { code: 'error' } })
  expect(check('kind == "span" && value == 2.0 && severity == ERROR', record.ofSpan(span))).toBe(true)
})

describe('a wrong expression is refused with the place of the mistake', () => {
  test.each([
    ['name ==', /^CEL at character 8: /],
    ['nam == "x"', /^CEL at character 1: Unknown variable: nam/],
    ['kind == 3', /no such overload/],
    ['name.startWith("a")', /'string\.startWith\(string\)': did you mean "startsWith"\?$/],
    ['name.begins("a")', /; the methods of string are contains, endsWith, .*, startsWith, /],
    ['name.endsWith(3)', /; it is string\.endsWith\(string\): bool$/],
    ['attributes.siez() > 1', /'map\.siez\(\)': did you mean "size"\?$/],
    ['len(name) > 3', /; the functions are bool, .*, size, /],
    ['severity + 1', /gives int, but a rule needs true or false/],
    ['x'.repeat(2049), /longer than 2048/],
    [`${'('.repeat(60)}true${')'.repeat(60)}`, /./],
  ])('%.30s', (source, reason) => {
    expect(compileExpression(source)).toMatchObject({ reason: expect.stringMatching(reason) })
  })
})
