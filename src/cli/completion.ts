import { ExitCode } from '../errors.js'
import { type Command, type Invocation, UsageError } from './command.js'
import { bashScript, fishScript, zshScript } from './completion-scripts.js'

const shells = { bash: bashScript, zsh: zshScript, fish: fishScript } as const

export const command: Command = {
  name: 'completion',
  summary: 'Print a completion script for bash, zsh or fish',
  description: 'Prints a script that completes commands, options and files, made from the same tables as this help.',
  operands: [Object.keys(shells).join('|')],
  options: {},
  examples: [
    { line: 'source <(unitscope completion bash)', what: 'This shell only' },
    { line: 'unitscope completion bash > /etc/bash_completion.d/unitscope', what: 'Every bash of this machine' },
    { line: 'unitscope completion zsh > ~/.zfunc/_unitscope', what: 'zsh, with ~/.zfunc in fpath' },
    { line: 'unitscope completion fish > ~/.config/fish/completions/unitscope.fish', what: 'fish' },
  ],
  run,
}

async function run({ operands, terminal, commands }: Invocation): Promise<number> {
  const shell = operands[0] ?? ''
  if (!Object.hasOwn(shells, shell)) {
    throw new UsageError(`no completion for "${shell}": one of ${Object.keys(shells).join(', ')}`)
  }
  terminal.out.write(shells[shell as keyof typeof shells](await commands()))
  return ExitCode.ok
}
