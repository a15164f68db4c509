import { spawn, spawnSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { precompile } from './precompiled.mjs'

export const root = fileURLToPath(new URL('../..', import.meta.url))

// GCC's -Og takes two thirds of -O1's time to compile these (43 s of CPU instead of 63) and its tests 1 s more to run; to
// clang it is the same as -O1.
const kSanitized = '-Og -g1 -fno-omit-frame-pointer -D_GLIBCXX_ASSERTIONS'
// Only these builds treat a warning as an error: on a user's machine a newer compiler must not stop the build. node-gyp's
// own flags switch the parameter warning off.
const kStrict = '-Wunused-parameter -Wshadow -Werror'

/**
 * Ways to build what binding.gyp describes. `plain` is the build of `npm run build` itself, so its tests run the very
 * objects that the addon is linked from; the others have folders of their own and add flags behind those of binding.gyp.
 *
 * @type {Record<string, {env: Record<string, string>, target: string, program: string}>}
 */
export const variants = {
  plain: { env: {}, target: 'unitscope_native_tests', program: 'build/Release/unitscope_native_tests' },
  // It counts the lines it runs as well (coverage.mjs); by atomic operations, since its tests have threads.
  'asan+ubsan': variant(
    'asan',
    '-fsanitize=address,undefined -fno-sanitize-recover=all --coverage -fprofile-update=atomic',
  ),
  tsan: variant('tsan', '-fsanitize=thread', 'unitscope_native_thread_tests'),
  fuzz: variant('fuzz', '-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all', 'unitscope_fuzz'),
}
variants.fuzz.env.CXX = 'clang++-14'
// libFuzzer has a main() of its own.
variants.fuzz.env.LDFLAGS = variants.fuzz.env.LDFLAGS.replace('fuzzer-no-link', 'fuzzer')

/**
 * @param {string} folder
 * @param {string} sanitizers
 * @param {string} target  its test program
 */
function variant(folder, sanitizers, target = 'unitscope_native_tests') {
  return {
    env: {
      CXXFLAGS: `${kSanitized} ${kStrict} ${sanitizers}`,
      LDFLAGS: sanitizers,
      builddir_name: `native/${folder}`,
    },
    target,
    program: `build/native/${folder}/Release/${target}`,
  }
}

/**
 * Builds one target of binding.gyp in one variant; what is up to date stays.
 *
 * @param {string} name  of the variant
 * @param {string} target
 */
export async function make(name, target) {
  const built = await makeOnce(name, target)
  // What clang compiled a header from must not change below it: a compiler's update does that.
  if (built.ok || !/precompiled header/.test(built.output)) return built
  rmSync(`${root}build/${variants[name].env.builddir_name}/precompiled.h.gch`, { force: true })
  return makeOnce(name, target)
}

async function makeOnce(name, target) {
  const { env } = variants[name]
  const added = env.CXXFLAGS === undefined ? '' : await precompile(env.builddir_name, env.CXXFLAGS, env.CXX)
  return run(['make', '-C', 'build', '-s', `-j${availableParallelism()}`, 'BUILDTYPE=Release', target], {
    ...env,
    ...(added === '' ? {} : { CXXFLAGS: `${env.CXXFLAGS} ${added}` }),
  })
}

/**
 * Runs a program from the project's root to its end and keeps what it prints.
 *
 * @param {readonly string[]} argv
 * @param {Record<string, string>} env  added to this process's
 * @returns {Promise<{ok: boolean, output: string}>}
 */
export function run(argv, env = {}) {
  return new Promise((resolve) => {
    const chunks = []
    const child = spawn(argv[0], argv.slice(1), {
      cwd: root,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    child.stdout.on('data', (chunk) => chunks.push(chunk))
    child.stderr.on('data', (chunk) => chunks.push(chunk))
    child.once('error', (error) => resolve({ ok: false, output: error.message }))
    child.once('close', (code) => resolve({ ok: code === 0, output: Buffer.concat(chunks).toString() }))
  })
}

/** True when the shell's PATH has this program. */
export function hasProgram(name) {
  return spawnSync(name, ['--version'], { stdio: 'ignore' }).status === 0
}

/** True when pkg-config(1) knows this library. */
export function hasPackage(name) {
  return spawnSync('pkg-config', ['--exists', name], { stdio: 'ignore' }).status === 0
}
