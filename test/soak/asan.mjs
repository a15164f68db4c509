// A soak with the addon built under AddressSanitizer and UBSan. Node itself is not: its runtime is loaded in front of it.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, mkdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { configure } from '../../native/build.mjs'
import { make, root, variants } from '../native/variants.mjs'

const kRoot = `${root}build/native/asan-addon`
const kAddon = 'unitscope_native.node'

/**
 * Builds the addon and runs the soak again in a process under ASan.
 *
 * @param {string} name
 * @param {readonly string[]} argv  it must take `--addon DIR` as well
 * @returns {Promise<boolean>} whether it held
 */
export async function underAsan(name, argv) {
  const configured = await configure()
  const built = configured.ok ? await make('asan+ubsan', 'unitscope_native') : configured
  if (!built.ok) throw new TypeError(built.output)
  mkdirSync(`${kRoot}/build/Release`, { recursive: true })
  copyFileSync(`${root}${variants['asan+ubsan'].program.replace(/[^/]+$/, kAddon)}`, `${kRoot}/build/Release/${kAddon}`)
  const runtime = spawnSync('g++', ['-print-file-name=libasan.so'], { encoding: 'utf8' }).stdout.trim()
  const program = fileURLToPath(new URL('run.mjs', import.meta.url))
  const child = spawn(process.execPath, [...process.execArgv, program, name, ...argv, '--addon', kRoot], {
    stdio: 'inherit',
    env: {
      ...process.env,
      LD_PRELOAD: runtime,
      // Node keeps much to its end that LeakSanitizer would report: leaks are what the run without ASan is for.
      ASAN_OPTIONS: 'detect_leaks=0,quarantine_size_mb=8',
      UBSAN_OPTIONS: 'print_stacktrace=1,halt_on_error=1',
    },
  })
  const [code] = await once(child, 'exit')
  return code === 0
}
