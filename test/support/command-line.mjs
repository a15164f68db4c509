import { parseArgs } from 'node:util'

/**
 * Options and operands of this script's command line. Asked for help, or given what it does not know, it says so and ends the
 * process: 0, or 64 (EX_USAGE of sysexits.h).
 *
 * @template {import('node:util').ParseArgsConfig['options']} T
 * @param {string} help  the whole text
 * @param {T & {}} options
 */
export function commandLine(help, options) {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: { ...options, help: { type: 'boolean', default: false } },
    })
    if (!values.help) return { values, positionals }
    process.stdout.write(help)
    process.exit(0)
  } catch (error) {
    if (!(error instanceof TypeError && `${error.code}`.startsWith('ERR_PARSE_ARGS'))) throw error
    process.stderr.write(`${error.message.split('. ')[0]}\n${help}`)
    process.exit(64)
  }
}
