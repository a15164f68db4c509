import { ConfigError, ExitCode } from '../errors.js'
import { hint } from '../util/did-you-mean.js'
import { packageVersion } from '../util/package.js'
import { parseArguments } from './arguments.js'
import { type Command, FailureError, type Invocation, UsageError } from './command.js'
import { commands, loadCommands } from './commands.js'
import { commandHelp, globalHelp } from './help.js'
import { printProblems } from './problems.js'
import { writeError } from './terminal.js'

export type World = Pick<Invocation, 'terminal' | 'env' | 'onOutputGone' | 'exitNow'>

/**
 * Finds the command that `argv` (without node and script) names, and runs it.
 *
 * @returns the exit code; user errors are printed to standard error. Rejects only on bugs.
 */
export async function dispatch(argv: readonly string[], world: World): Promise<number> {
  const { out, err } = world.terminal
  let hintFor = 'unitscope --help'
  try {
    const [first, ...rest] = argv
    if (first === undefined) throw new UsageError('no command given')
    // `help --help` and `help run -h` ask for what they get anyway.
    const subject = first === 'help' ? rest.find((arg) => !asksForHelp([arg])) : undefined
    if (first === '--help' || first === '-h' || (first === 'help' && subject === undefined)) {
      out.write(globalHelp(await loadCommands()))
      return ExitCode.ok
    }
    if (first === '--version' || first === '-V') {
      out.write(`unitscope ${packageVersion()}\n`)
      return ExitCode.ok
    }
    const command = await find(subject ?? first)
    hintFor = `unitscope ${command.name} --help`
    if (first === 'help' || asksForHelp(rest)) {
      out.write(commandHelp(command))
      return ExitCode.ok
    }
    return await command.run({ ...parseArguments(command, rest), commands: loadCommands, ...world })
  } catch (error) {
    if (error instanceof UsageError) {
      writeError(err, `unitscope: ${error.message}\nTry: ${hintFor}\n`)
      return ExitCode.usage
    }
    if (error instanceof FailureError) {
      writeError(err, `unitscope: ${error.message}\n`)
      return ExitCode.failure
    }
    if (error instanceof ConfigError) {
      printProblems(error, err)
      return ExitCode.config
    }
    throw error
  }
}

async function find(name: string): Promise<Command> {
  if (Object.hasOwn(commands, name)) return commands[name]!()
  const known = [...Object.keys(commands), 'help', '--help', '--version']
  if (!name.startsWith('-')) throw new UsageError(`unknown command "${name}"${hint(name, known)}`)
  const meant = hint(name, ['--help', '--version'])
  throw new UsageError(`unknown option ${name}${meant === '' ? ': a command comes first' : meant}`)
}

function asksForHelp(args: readonly string[]): boolean {
  const end = args.indexOf('--')
  return (end < 0 ? args : args.slice(0, end)).some((arg) => arg === '--help' || arg === '-h')
}
