import { parseArgs } from 'node:util'
import { hint } from '../util/did-you-mean.js'
import { type Command, type Invocation, UsageError } from './command.js'

type Parsed = Pick<Invocation, 'values' | 'operands'>

/**
 * Parses what follows the command's name. Flags may stand anywhere; `--` ends them; `--flag=value` and `--flag value`
 * are the same.
 *
 * @throws UsageError that names what is wrong and, where it is near to something known, what was probably meant
 */
export function parseArguments(command: Command, args: readonly string[]): Parsed {
  const { values, positionals, tokens } = parseArgs({
    args: [...args],
    options: Object.fromEntries(
      Object.entries(command.options).map(([name, option]) => [
        name,
        {
          type: option.type,
          ...(option.short === undefined ? {} : { short: option.short }),
          ...(option.type === 'string' && option.multiple === true ? { multiple: true } : {}),
        },
      ]),
    ),
    allowPositionals: true,
    strict: false,
    tokens: true,
  })
  const seen = new Set<string>()
  for (const token of tokens) {
    if (token.kind !== 'option') continue
    const option = Object.hasOwn(command.options, token.name) ? command.options[token.name] : undefined
    if (option === undefined) throw new UsageError(unknownOption(command, token.name, token.rawName))
    if (option.type === 'boolean') {
      if (token.value !== undefined) throw new UsageError(`option ${token.rawName} takes no value`)
      continue
    }
    const missing =
      token.value === undefined || token.value === '' || (!token.inlineValue && token.value.startsWith('-'))
    if (missing) throw new UsageError(`option ${token.rawName} needs a value: ${token.rawName} ${option.valueName}`)
    if (seen.has(token.name) && option.multiple !== true)
      throw new UsageError(`option --${token.name} may be given once`)
    seen.add(token.name)
  }
  for (const name of command.required ?? []) {
    const option = command.options[name]
    // `validate agent.yaml`: what was meant is nearly certain.
    const stray = positionals.length > (command.operands?.length ?? 0) ? positionals.at(-1) : undefined
    const valueName = option?.type === 'string' ? ` ${stray ?? option.valueName}` : ''
    if (values[name] === undefined) throw new UsageError(`option --${name} is missing: add --${name}${valueName}`)
  }
  checkOperands(command, positionals)
  return { values: values as Parsed['values'], operands: positionals }
}

function unknownOption(command: Command, name: string, rawName: string): string {
  const known = [...Object.keys(command.options), 'help']
  return `unknown option ${rawName}${hint(name, known).replace('mean "', 'mean "--')}`
}

function checkOperands(command: Command, given: readonly string[]): void {
  const wanted = command.operands ?? []
  const extra = given[wanted.length]
  if (extra !== undefined) throw new UsageError(`unexpected argument "${extra}"`)
  const missing = wanted[given.length]
  if (missing !== undefined && !missing.startsWith('[')) throw new UsageError(`argument ${missing} is missing`)
}
