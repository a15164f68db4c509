import type { Command, Option } from './command.js'

// The texts that go into the scripts are the program's own (names and descriptions), not a user's; still each is quoted
// for its shell, so that an apostrophe in a description breaks nothing.

/** `--flag` and `-f` of an option. */
function spellings([name, option]: readonly [string, Option]): readonly string[] {
  return option.short === undefined ? [`--${name}`] : [`--${name}`, `-${option.short}`]
}

/** Words an operand may be: `bash|zsh|fish` says so itself. */
function operandWords({ operands }: Command): readonly string[] {
  return (operands ?? []).filter((operand) => operand.includes('|')).flatMap((operand) => operand.split('|'))
}

function optionsOf(command: Command): readonly (readonly [string, Option])[] {
  return [...Object.entries(command.options), ['help', { type: 'boolean', short: 'h', description: 'Show help' }]]
}

const names = (commands: readonly Command[]): string => commands.map(({ name }) => name).join(' ')

export function bashScript(commands: readonly Command[]): string {
  const offer = (words: readonly string[]) => `mapfile -t COMPREPLY < <(compgen -W '${words.join(' ')}' -- "$cur")`
  const values = (option: Option): string | undefined => {
    if (option.type === 'boolean') return undefined
    // Only here: elsewhere a folder that is called like a command would turn `demo` into `demo/`.
    const files = 'compopt -o filenames 2> /dev/null; mapfile -t COMPREPLY'
    if (option.completes === 'file') return `${files} < <(compgen -f -- "$cur")`
    if (option.completes === 'directory') return `${files} < <(compgen -d -- "$cur")`
    return offer(option.completes ?? [])
  }
  const afterFlag = commands.flatMap((command) =>
    optionsOf(command).flatMap(([name, option]) => {
      const reply = values(option)
      const patterns = spellings([name, option]).map((flag) => `"${command.name} ${flag}"`)
      return reply === undefined ? [] : [`    ${patterns.join('|')}) ${reply}; return ;;`]
    }),
  )
  const afterCommand = commands.map(
    (command) =>
      `    ${command.name}) ${offer([...operandWords(command), ...optionsOf(command).map(([name]) => `--${name}`)])} ;;`,
  )
  return [
    '# unitscope completion for bash',
    '_unitscope() {',
    '  local cur="${COMP_WORDS[COMP_CWORD]}" prev="${COMP_WORDS[COMP_CWORD-1]}" cmd="${COMP_WORDS[1]}"',
    // COMP_WORDBREAKS has "=": --config=pipe comes as the three words --config, = and pipe.
    '  if [ "$cur" = "=" ]; then cur=""',
    '  elif [ "$prev" = "=" ]; then prev="${COMP_WORDS[COMP_CWORD-2]}"',
    '  fi',
    '  COMPREPLY=()',
    '  if [ "$COMP_CWORD" -eq 1 ]; then',
    `    ${offer([names(commands), 'help', '--help', '--version'])}`,
    '    return',
    '  fi',
    '  case "$cmd $prev" in',
    ...afterFlag,
    '  esac',
    '  case "$cmd" in',
    `    help) ${offer([names(commands)])} ;;`,
    ...afterCommand,
    '  esac',
    '}',
    'complete -F _unitscope unitscope',
    '',
  ].join('\n')
}

export function zshScript(commands: readonly Command[]): string {
  // In a quoted _arguments spec: an apostrophe ends the quote, brackets and colons are syntax.
  const text = (value: string) => value.replace(/'/g, "'\\''").replace(/[[\]:]/g, '\\$&')
  const action = (option: Option): string => {
    if (option.type === 'boolean') return ''
    const { completes: what, valueName } = option
    const offer = what === 'file' ? '_files' : what === 'directory' ? '_files -/' : `(${(what ?? []).join(' ')})`
    return `:${valueName}:${offer}`
  }
  const specs = (command: Command): string[] => [
    ...optionsOf(command).flatMap(([name, option]) =>
      spellings([name, option]).map((flag) => `'${flag}[${text(option.description)}]${action(option)}'`),
    ),
    ...(command.operands ?? []).map(
      (operand, at) => `'${at + 2}:${text(operand)}:(${operandWords(command).join(' ')})'`,
    ),
  ]
  return [
    '#compdef unitscope',
    '# unitscope completion for zsh',
    '_unitscope() {',
    '  if (( CURRENT == 2 )); then',
    '    local -a commands=(',
    ...commands.map(({ name, summary }) => `      '${name}:${text(summary)}'`),
    "      'help:Show help'",
    '    )',
    "    _describe 'command' commands",
    '    return',
    '  fi',
    '  case "${words[2]}" in',
    `    help) _values 'command' ${names(commands)} ;;`,
    ...commands.map((command) => `    ${command.name}) _arguments ${specs(command).join(' ')} ;;`),
    '  esac',
    '}',
    'if [ "$funcstack[1]" = "_unitscope" ]; then _unitscope "$@"; else compdef _unitscope unitscope; fi',
    '',
  ].join('\n')
}

export function fishScript(commands: readonly Command[]): string {
  const quote = (value: string) => `'${value.replace(/\\/g, '\\\\').replace(/'/g, "\\'")}'`
  const line = (condition: string, rest: string) => `complete -c unitscope -n ${quote(condition)} ${rest}`
  const value = (option: Option): string => {
    if (option.type === 'boolean') return ''
    if (option.completes === 'file') return ' -r -F'
    if (option.completes === 'directory') return " -x -a '(__fish_complete_directories)'"
    return ` -x -a ${quote((option.completes ?? []).join(' '))}`
  }
  const perCommand = commands.flatMap((command) => {
    const here = `__fish_seen_subcommand_from ${command.name}`
    const words = operandWords(command)
    return [
      line('__fish_use_subcommand', `-a ${command.name} -d ${quote(command.summary)}`),
      ...(words.length === 0 ? [] : [line(here, `-a ${quote(words.join(' '))}`)]),
      ...optionsOf(command).map(([name, option]) => {
        const short = option.short === undefined ? '' : ` -s ${option.short}`
        return line(here, `-l ${name}${short} -d ${quote(option.description)}${value(option)}`)
      }),
    ]
  })
  return [
    '# unitscope completion for fish',
    'complete -c unitscope -f',
    line('__fish_use_subcommand', `-a help -d ${quote('Show help')}`),
    line('__fish_use_subcommand', `-l version -d ${quote('Show the version')}`),
    ...perCommand,
    line('__fish_seen_subcommand_from help', `-a ${quote(names(commands))}`),
    '',
  ].join('\n')
}
