import { dispatch } from '../../../src/cli/dispatch.js'

/** Runs a command line in this process; what it writes comes back as text. */
export async function runCli(argv: readonly string[], env: Readonly<Record<string, string | undefined>> = {}) {
  let stdout = ''
  let stderr = ''
  const output = (write: (text: string) => void) => ({ write, isTty: false, columns: 80, color: false })
  const exit = await dispatch(argv, {
    terminal: {
      out: output((text) => {
        stdout += text
      }),
      err: output((text) => {
        stderr += text
      }),
    },
    env,
    onOutputGone: () => {},
    exitNow: (code) => {
      throw new Error(`exitNow(${code})`)
    },
  })
  return { exit, stdout, stderr }
}
