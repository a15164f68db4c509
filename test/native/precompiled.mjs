// What most C++ files read of the standard library, parsed once for a build instead of once for each of its files.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { root, run } from './variants.mjs'

const kSource = 'test/native/precompiled.h'

/** Flags that gyp gives every file: what a header was compiled with, its users must be compiled with, or g++ passes it by, and
 * clang refuses it. */
function commonFlags() {
  const makefile = readFileSync(`${root}build/core.target.mk`, 'utf8')
  const flags = (name) => new RegExp(`^${name}_Release := ((?:\\\\\n|.)*)$`, 'm').exec(makefile)?.[1] ?? ''
  return ['DEFS', 'CFLAGS', 'CFLAGS_CC']
    .flatMap((name) => flags(name).match(/-[^\s'\\]+/g) ?? [])
    .filter((flag) => !flag.startsWith('-DNODE_GYP_MODULE_NAME'))
}

/**
 * Compiles the header for the build in a folder of build/; what is up to date stays. Without it the files read the text of the
 * header, which takes longer and gives the same.
 *
 * @param {string} folder
 * @param {string} flags  of this build
 * @param {string} compiler  of this build; clang looks for the same ending as g++
 * @returns {Promise<string>} flags to add for it, from build/, where make runs
 */
export async function precompile(folder, flags, compiler = process.env.CXX ?? 'g++') {
  const header = `build/${folder}/precompiled.h`
  const compiled = `${root}${header}.gch`
  const argv = [compiler, ...commonFlags(), ...flags.split(' '), '-x', 'c++-header']
  // It says itself how it was compiled.
  const text = `${readFileSync(`${root}${kSource}`, 'utf8')}// ${argv.join(' ')}\n`
  if (!existsSync(compiled) || readFileSync(`${root}${header}`, 'utf8') !== text) {
    rmSync(compiled, { force: true })
    mkdirSync(`${root}build/${folder}`, { recursive: true })
    writeFileSync(`${root}${header}`, text)
    const { ok } = await run([...argv, header, '-o', compiled])
    if (!ok) rmSync(compiled, { force: true })
  }
  return `-include ${folder}/precompiled.h`
}
