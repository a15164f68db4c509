import { spawnSync } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import { commands, loadCommands } from '../../../src/cli/commands.js'
import { runCli } from './support.js'

/** Runs `argv`, expects the exit code, and the pattern in stdout (exit 0) or in stderr (any other), nothing in the other. */
async function check(argv: readonly string[], exit: number, pattern: RegExp): Promise<void> {
  const result = await runCli(argv)
  const [spoken, silent] = exit === 0 ? [result.stdout, result.stderr] : [result.stderr, result.stdout]
  expect(spoken).toMatch(pattern)
  expect(silent).toBe('')
  expect(result.exit).toBe(exit)
}

test.each([
  [['--version'], 0, /^unitscope \d+\.\d+\.\d+\n$/],
  [
    ['--help'],
    0,
    /^Usage: unitscope COMMAND[\s\S]*\n {2}run +Run the agent[\s\S]*\n {2}78 +the configuration is wrong/,
  ],
  [['-V'], 0, /^unitscope \d+\.\d+\.\d+\n$/],
  [['-h'], 0, /^Usage: unitscope COMMAND/],
  [['help'], 0, /^Usage: unitscope COMMAND/],
  [['help', '--help'], 0, /^Usage: unitscope COMMAND/],
  [['help', '-h', 'run'], 0, /^Usage: unitscope run --config FILE/],
  [['help', 'run'], 0, /^Usage: unitscope run --config FILE \[--for DURATION\]/],
  [['run', '--help'], 0, /^Usage: unitscope run[\s\S]*Examples:/],
  [['run', '--config', 'x', '-h'], 0, /^Usage: unitscope run/],
  [[], 64, /^unitscope: no command given\nTry: unitscope --help\n$/],
  [['rnu'], 64, /^unitscope: unknown command "rnu": did you mean "run"\?\nTry: unitscope --help\n$/],
  [['frobnicate'], 64, /^unitscope: unknown command "frobnicate"\n/],
  [['help', 'vallidate'], 64, /did you mean "validate"/],
  [['version'], 64, /^unitscope: unknown command "version": did you mean "--version"\?\n/],
  [['--verison'], 64, /^unitscope: unknown option --verison: did you mean "--version"\?\n/],
  [['--config', 'x'], 64, /^unitscope: unknown option --config: a command comes first\n/],
  [['__proto__'], 64, /unknown command "__proto__"/],
  [['run'], 64, /^unitscope: option --config is missing: add --config FILE\nTry: unitscope run --help\n$/],
  [['validate', 'agent.yaml'], 64, /option --config is missing: add --config agent\.yaml\n/],
  [['components', '--markdown', '/dev/null/x'], 1, /^unitscope: cannot write into \/dev\/null\/x: ENOTDIR/],
  [['components', '--markdown', '/proc/none/x'], 1, /^unitscope: cannot write into \/proc\/none\/x: ENOENT/],
  [['run', '--config', 'x', '--fro', '5s'], 64, /unknown option --fro: did you mean "--for"/],
  [['run', '--config', 'x', '--for', '5'], 64, /"5" is not a duration .* did you mean "5s"/],
  [['run', '--config', 'x', '--for', '0s'], 64, /must be from 1ms to 24d/],
  [['components', 'all'], 64, /unexpected argument "all"/],
  [['completion'], 64, /argument bash\|zsh\|fish is missing/],
  [['completion', 'tcsh'], 64, /no completion for "tcsh": one of bash, zsh, fish/],
] as const)('%j', async (argv, exit, pattern) => {
  await check(argv, exit, pattern)
})

test('a configuration that cannot be read ends with 78, and says which file', async () => {
  await check(
    ['run', '--config', '/nonexistent/agent.yaml'],
    78,
    /^error: \/nonexistent\/agent\.yaml:1:1 .+\n1 problem in \/nonexistent\/agent\.yaml\n$/,
  )
})

describe('every command', () => {
  test('is named as in the table, and explains itself with an example that parses', async () => {
    const all = await loadCommands()
    expect(all.map((command) => command.name)).toEqual(Object.keys(commands))
    for (const command of all) {
      expect(command.summary, command.name).toMatch(/^[A-Z].*[^.]$/)
      expect(command.description.length, command.name).toBeGreaterThan(40)
      expect(command.examples.length, command.name).toBeGreaterThan(0)
      for (const name of command.required ?? []) expect(command.options, command.name).toHaveProperty(name)
      for (const line of (await runCli([command.name, '--help'])).stdout.split('\n')) {
        expect(line.length, `${command.name}: ${line}`).toBeLessThanOrEqual(140)
      }
    }
  })
})

describe('completion', () => {
  test('bash: the script is valid, and completes commands, flags and words', async () => {
    const { stdout } = await runCli(['completion', 'bash'])
    const complete = (words: string) => {
      const script = `${stdout}
COMP_WORDS=(${words}); COMP_CWORD=$(( \${#COMP_WORDS[@]} - 1 )); _unitscope; printf '%s\\n' "\${COMPREPLY[@]}"`
      const result = spawnSync('bash', ['--norc', '-c', script], { encoding: 'utf8' })
      expect(result.stderr).toBe('')
      return result.stdout.trim().split('\n')
    }
    expect(complete('unitscope va')).toEqual(['validate'])
    expect(complete('unitscope run --co')).toEqual(['--config'])
    expect(complete('unitscope completion z')).toEqual(['zsh'])
    expect(complete('unitscope run --config /etc/hostn')).toEqual(['/etc/hostname'])
    // As readline splits it: "=" is a word of its own.
    expect(complete('unitscope run --config = /etc/hostn')).toEqual(['/etc/hostname'])
    expect(complete('unitscope run --config =')).toContain('package.json')
    expect(complete('unitscope help comp')).toEqual(['components', 'completion'])
  })

  test.each(['zsh', 'fish'])('%s: every command and every flag is in it', async (shell) => {
    const { stdout } = await runCli(['completion', shell])
    for (const command of await loadCommands()) {
      expect(stdout).toContain(command.name)
      for (const name of Object.keys(command.options)) expect(stdout).toMatch(new RegExp(`(--|-l )${name}\\b`))
    }
  })
})
