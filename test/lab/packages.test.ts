import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs'
import { extname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { packages } from '../setup/packages.mjs'
import { describeLab } from './describe-lab.js'
import { packageRoot, run } from './lab.js'

const setup = join(packageRoot, 'test/setup/install.mjs')
const folders = ['/usr/sbin', '/usr/bin']

/** Everything under test/ that starts programs: TypeScript, and the scripts of the labs and fixtures. */
const sources = readdirSync(join(packageRoot, 'test'), { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && !/fixtures\/(?!.*\.sh$)|corpus|golden/.test(join(entry.parentPath, entry.name)))
  .map((entry) => join(entry.parentPath, entry.name))
const isShell = (file: string, text: string) => extname(file) === '.sh' || /^#!\/bin\/(ba)?sh/.test(text)

/** Programs named by their path, started by name from TypeScript, or standing where a shell expects a command. */
function programsOf(file: string): string[] {
  const text = readFileSync(file, 'utf8')
  const found = [...text.matchAll(/(?<![\w.$}])((?:\/usr)?\/s?bin\/[\w+.-]+)/g)].map(
    ([, path]) => path!.split('/').at(-1)!,
  )
  for (const [, name] of text.matchAll(/(?:spawn|spawnSync|execFile|execFileSync)\(\s*'([\w.-]+)'/g)) found.push(name!)
  if (isShell(file, text)) {
    const code = text.replace(/^\s*#.*$/gm, '')
    const position = /(?:^|[;|&(]|\b(?:exec|then|do|else|if|until|while|!))[ \t]*([a-z][\w.-]+)(?![\w.-]*[=(])/gm
    for (const [, word] of code.matchAll(position)) found.push(word!)
  }
  return found
}

/** Built into every shell, and a program of its own as well; or what runs these tests, wherever it came from. */
const builtins = new Set(['kill', 'node'])

function lines(file: string, ...argv: string[]): string[] {
  return spawnSync(file, argv, { encoding: 'utf8', maxBuffer: 2 ** 26 })
    .stdout.split('\n')
    .filter(Boolean)
}

/** The package of each program; those that are no program here (words a shell knows, functions) are left out. */
function packagesOf(programs: Iterable<string>): Map<string, string> {
  // With /usr merged, dpkg knows a file by the place its package says.
  const placesOf = (program: string): string[] => {
    const path = folders.map((folder) => join(folder, program)).find((candidate) => existsSync(candidate))
    if (path === undefined) return []
    return [path, realpathSync(path)].flatMap((place) => [place, place.replace(/^\/usr/, '')])
  }
  const places = new Map([...programs].map((program) => [program, placesOf(program)]))
  const found = lines('dpkg', '-S', ...[...places.values()].flat()).filter((line) => !line.startsWith('diversion'))
  const owners = new Map(found.map((line) => [line.slice(line.indexOf(': ') + 2), line.split(/[:,]/)[0]!]))
  const owned = [...places].map(
    ([program, all]) => [program, all.map((place) => owners.get(place)).find(Boolean)] as const,
  )
  return new Map(owned.filter((one): one is [string, string] => one[1] !== undefined))
}

/** Packages on every Debian, however small, and those that come with the listed ones. */
function givenPackages(): Set<string> {
  const format = '${Package}\t${Essential} ${Priority}\t${Pre-Depends},${Depends}\n'
  const all = lines('dpkg-query', '-W', '-f', format).map((line) => line.split('\t'))
  const listed = new Set<string>(packages.map(({ name }) => name))
  const names = (depends: string) => depends.split(',').map((one) => one.trim().split(/[ :]/)[0]!)
  const basic = all.filter(([, kind]) => /^yes|required$/.test(kind!)).map(([name]) => name!)
  const needed = all.filter(([name]) => listed.has(name!)).flatMap(([, , depends]) => names(depends ?? ''))
  return new Set([...listed, ...basic, ...needed])
}

const noDpkg = existsSync('/usr/bin/dpkg') ? '' : ' [skipped: no dpkg on this machine]'
describe.skipIf(noDpkg !== '')(`the Debian packages that \`npm test\` installs${noDpkg}`, () => {
  it('hold every program the tests start that is not on every Debian', () => {
    const programs = new Set(sources.flatMap(programsOf))
    expect([...programs]).toEqual(expect.arrayContaining(['unshare', 'mkfs.ext4', 'promtool', 'awk', 'cpio', 'mount']))
    const given = givenPackages()
    const missing = [...packagesOf(programs)].filter(([name, owner]) => !given.has(owner) && !builtins.has(name))
    expect(missing).toEqual([])
  })

  it('are proved by files that are theirs', () => {
    const wrong = packages.filter(({ proof }) => proof.length === 0 || !proof.every((path) => path.startsWith('/')))
    expect(wrong).toEqual([])
  })
})

describeLab('a machine that lacks a package, used without root', () => {
  it('is told the exact command, and nothing else is tried', async () => {
    // A folder of qemu-system-common is hidden, in a mount namespace of the test's own.
    const script = 'mount -t tmpfs tmpfs /usr/lib/qemu && exec setpriv --reuid 65534 --regid 65534 --clear-groups "$@"'
    const argv = ['--mount', 'sh', '-c', script, '-', process.execPath, setup]
    const answer = await run('/usr/bin/unshare', argv, { allowFailure: true })
    expect(answer.code).toBe(1)
    expect(answer.stdout).toBe(
      `missing: qemu-system-common (${packages.find(({ name }) => name === 'qemu-system-common')?.why})\n`,
    )
    expect(answer.stderr).toBe(
      "run this, then try again:\n  sudo sh -c 'apt-get update && apt-get install -y --no-install-recommends qemu-system-common'\n",
    )
  })
})
