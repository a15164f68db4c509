import { describe, expect, test } from 'vitest'
import { parseArguments } from '../../../src/cli/arguments.js'
import { type Command, UsageError } from '../../../src/cli/command.js'

const command: Command = {
  name: 'try',
  summary: 'Tries',
  description: '',
  operands: ['WHAT'],
  options: {
    config: { type: 'string', short: 'c', valueName: 'FILE', description: '' },
    set: { type: 'string', multiple: true, valueName: 'KEY=VALUE', description: '' },
    json: { type: 'boolean', short: 'j', description: '' },
  },
  required: ['config'],
  examples: [],
  run: async () => 0,
}

describe('taken', () => {
  const check = (args: readonly string[], values: Record<string, unknown>, operands: readonly string[] = ['x']) => {
    const parsed = parseArguments(command, args)
    expect({ ...parsed.values }).toEqual(values)
    expect(parsed.operands).toEqual(operands)
  }

  test('long, short, inline; in any order', () => {
    check(['--config', 'a.yaml', 'x'], { config: 'a.yaml' })
    check(['x', '-c', 'a.yaml', '-j'], { config: 'a.yaml', json: true })
    check(['--config=a.yaml', '--json', 'x'], { config: 'a.yaml', json: true })
    check(['-ca.yaml', 'x'], { config: 'a.yaml' })
  })

  test('several of one that may be given several times', () => {
    check(['-c', 'f', '--set', 'a=1', '--set', 'b=2', 'x'], { config: 'f', set: ['a=1', 'b=2'] })
  })

  test('after -- everything is an operand', () => {
    check(['-c', 'f', '--', '--json'], { config: 'f' }, ['--json'])
  })

  test('a value that begins with a dash can be given inline', () => {
    check(['--config=-', 'x'], { config: '-' })
  })
})

describe('refused, with what to do', () => {
  const check = (args: readonly string[], message: string) => {
    expect(() => parseArguments(command, args)).toThrow(UsageError)
    expect(() => parseArguments(command, args)).toThrow(message)
  }

  test.each([
    [['--confg', 'f', 'x'], 'unknown option --confg: did you mean "--config"?'],
    [['--Json', '-c', 'f', 'x'], 'unknown option --Json: did you mean "--json"?'],
    [['-z', '-c', 'f', 'x'], 'unknown option -z'],
    [['x'], 'option --config is missing: add --config FILE'],
    [['x', '--config'], 'option --config needs a value: --config FILE'],
    [['x', '--config', '--json'], 'option --config needs a value: --config FILE'],
    [['x', '--config='], 'option --config needs a value: --config FILE'],
    [['x', '-c', 'a', '-c', 'b'], 'option --config may be given once'],
    [['x', '-c', 'a', '--json=yes'], 'option --json takes no value'],
    [['-c', 'a'], 'argument WHAT is missing'],
    [['-c', 'a', 'x', 'y'], 'unexpected argument "y"'],
    [['--__proto__', '-c', 'f', 'x'], 'unknown option --__proto__'],
    [['--constructor', '-c', 'f', 'x'], 'unknown option --constructor'],
  ])('%j', (args, message) => check(args, message))
})
