import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize, relative, resolve } from 'node:path'
import { describe, expect, test } from 'vitest'

// The floors of docs/architecture.md. A file may use what stands on a smaller floor, and its own folder; a component
// (src/receivers/systemd) and a library (src/lib/otlp) are each a house of their own on their floor.

const root = resolve(import.meta.dirname, '../..')

interface Floor {
  readonly prefix: string
  readonly floor: number
  /** Folders directly below are houses of their own: no import from one to its neighbour. */
  readonly separate?: true
}

const tsFloors: readonly Floor[] = [
  { prefix: 'src/main.ts', floor: 10 },
  { prefix: 'src/index.ts', floor: 10 },
  { prefix: 'src/cli/', floor: 9 },
  { prefix: 'src/registry.ts', floor: 8 },
  { prefix: 'src/service/', floor: 7 },
  { prefix: 'src/graph/', floor: 6 },
  { prefix: 'src/receivers/', floor: 5, separate: true },
  { prefix: 'src/processors/', floor: 5, separate: true },
  { prefix: 'src/exporters/', floor: 5, separate: true },
  { prefix: 'src/extensions/', floor: 5, separate: true },
  { prefix: 'src/lib/', floor: 4, separate: true },
  { prefix: 'src/config/', floor: 3 },
  { prefix: 'src/binding/', floor: 3 },
  { prefix: 'src/telemetry/', floor: 3 },
  { prefix: 'src/testkit/', floor: 3 },
  { prefix: 'src/component/', floor: 2 },
  { prefix: 'src/data/', floor: 1 },
  { prefix: 'src/errors.ts', floor: 0 },
  { prefix: 'src/util/', floor: 0 },
]

const nativeFloors: readonly Floor[] = [
  { prefix: 'native/addon/', floor: 4 },
  { prefix: 'native/runtime/', floor: 3 },
  { prefix: 'native/os/', floor: 2 },
  { prefix: 'native/core/base/', floor: 0 },
  { prefix: 'native/core/', floor: 1 },
]

/** Houses on one floor may build on each other only where this says so. */
const allowedSideways: readonly (readonly [string, string])[] = [
  // createTestConfig fills in defaults as the agent does; config knows nothing of the test kit.
  ['src/testkit/', 'src/config/'],
  // Whose failure stopped a unit is found along the graph; the graph knows nothing of signals and states.
  ['src/lib/systemd/', 'src/lib/dependencies/'],
  // Who we are, and whom we trust, stands in files.
  ['src/lib/nats/', 'src/lib/credentials/'],
  ['src/lib/nats/', 'src/lib/tls/'],
  // A unit is told by its name on a page, too.
  ['src/lib/openmetrics/', 'src/lib/systemd/'],
  // systemd is asked over D-Bus, which knows nothing of systemd.
  ['src/lib/systemd/', 'src/lib/dbus/'],
  // Protocols over connections, which know nothing of them; files that prove something are read alike.
  ['src/lib/grpc/', 'src/lib/sockets/'],
  ['src/lib/http/', 'src/lib/sockets/'],
  ['src/lib/tls/', 'src/lib/credentials/'],
  // What is to be delivered may be kept on a disk; the queue there knows nothing of delivery.
  ['src/lib/delivery/', 'src/lib/queue/'],
  // What every detector stands on: unit events by their names, an outbox for findings, a file for what was learned.
  // Whether something grows is a question of statistics.
  ['src/lib/growth/', 'src/lib/statistics/'],
  // What is kept of it stands in a file that may come from anywhere.
  ['src/lib/growth/', 'src/lib/storage/'],
  ['src/lib/patterns/', 'src/lib/systemd/'],
  ['src/lib/patterns/', 'src/lib/handover/'],
  ['src/lib/patterns/', 'src/lib/storage/'],
  ['src/lib/patterns/', 'src/lib/matching/'],
]

/** Packages that only one place may import, so that they can be replaced there. */
const onlyIn: Readonly<Record<string, string>> = {
  yaml: 'src/config/',
  'node-gyp-build': 'src/binding/',
}

const osHeaders =
  /^(sys\/|linux\/|arpa\/|netinet\/|unistd\.h|fcntl\.h|poll\.h|pthread\.h|dirent\.h|time\.h|ctime|chrono|thread|filesystem|fstream|iostream|cstdio|stdio\.h|stdlib\.h|random)/

interface Use {
  readonly file: string
  readonly line: number
  readonly target: string
}

function filesOf(folder: string, pattern: RegExp): readonly string[] {
  return readdirSync(join(root, folder), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && pattern.test(entry.name))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .sort()
}

/** Finds `from '...'`, `import '...'` and `import('...')`, or `#include`, with line numbers. */
function usesIn(file: string, text: string): readonly Use[] {
  const pattern = file.endsWith('.ts')
    ? /(?:\bfrom\s*|\bimport\s*\(\s*|\bimport\s+)(['"])([^'"\n]+)\1/g
    : /^[ \t]*#[ \t]*include[ \t]*([<"])([^>"\n]+)[>"]/gm
  const code = file.endsWith('.ts') ? text.replace(/\/\*[\s\S]*?\*\//g, (c) => c.replace(/[^\n]/g, ' ')) : text
  return [...code.matchAll(pattern)]
    .filter((match) => !/^\s*\/\//.test(code.slice(code.lastIndexOf('\n', match.index) + 1, match.index)))
    .map((match) => ({ file, line: code.slice(0, match.index).split('\n').length, target: match[2]! }))
}

function floorOf(path: string, floors: readonly Floor[]): Floor | undefined {
  return floors.find(({ prefix }) => path === prefix || (prefix.endsWith('/') && path.startsWith(prefix)))
}

/** `src/receivers/systemd/` for a file below it; the floor's whole folder where it is one house. */
function houseOf(path: string, { prefix, separate }: Floor): string {
  return separate ? `${prefix}${path.slice(prefix.length).split('/')[0]}/` : prefix
}

/** Why `from` may not use `to`; undefined when it may. */
function whyNot(from: string, to: string, floors: readonly Floor[]): string | undefined {
  const user = floorOf(from, floors)
  const used = floorOf(to, floors)
  if (user === undefined) return `${from} stands on no floor: add its folder to the map`
  if (used === undefined) return `${to} stands on no floor`
  if (used.floor < user.floor) return undefined
  const [own, other] = [houseOf(from, user), houseOf(to, used)]
  if (own === other) return undefined
  if (allowedSideways.some(([a, b]) => a === own && b === other)) return undefined
  return used.floor === user.floor
    ? `sideways: ${own} may not use ${other}, both on floor ${user.floor}; share it through a lower floor`
    : `upwards: floor ${user.floor} may not use ${other} on floor ${used.floor}`
}

function complain(uses: readonly Use[], rule: (use: Use) => string | undefined): string {
  return uses
    .flatMap((use) => {
      const why = rule(use)
      return why === undefined ? [] : [`${use.file}:${use.line} ${why}`]
    })
    .join('\n')
}

/** The files of each circle, in the order in which they import each other; of those that share a file, one. */
function circlesOf(uses: ReadonlyMap<string, readonly string[]>): readonly string[] {
  const circles: string[] = []
  const looked = new Set<string>()
  const way: string[] = []
  const look = (file: string): void => {
    const at = way.indexOf(file)
    if (at >= 0) circles.push([...way.slice(at), file].join(' -> '))
    if (looked.has(file)) return
    looked.add(file)
    way.push(file)
    for (const used of uses.get(file) ?? []) look(used)
    way.pop()
  }
  for (const file of uses.keys()) look(file)
  return circles
}

const read = (file: string): readonly Use[] => usesIn(file, readFileSync(join(root, file), 'utf8'))
const tsUses = filesOf('src', /\.ts$/).flatMap(read)
const localUses = tsUses.filter(({ target }) => target.startsWith('.'))
const pathOf = ({ file, target }: Use) => normalize(join(dirname(file), target)).replace(/\.js$/, '.ts')
const nativeUses = filesOf('native', /\.(h|cc)$/).flatMap(read)

describe('TypeScript', () => {
  test('there is something to check', () => {
    expect(tsUses.length).toBeGreaterThan(100)
  })

  test('imports go down, never sideways between components', () => {
    expect(complain(localUses, (use) => whyNot(use.file, pathOf(use), tsFloors))).toBe('')
  })

  test('no file imports itself by a detour, not even for a type', () => {
    const uses = new Map<string, string[]>()
    for (const use of localUses) uses.set(use.file, [...(uses.get(use.file) ?? []), pathOf(use)])
    expect(circlesOf(uses)).toEqual([])
  })

  test('packages that one place owns are imported only there', () => {
    expect(
      complain(tsUses, ({ file, target }) => {
        const owner = Object.entries(onlyIn).find(([name]) => target === name || target.startsWith(`${name}/`))?.[1]
        return owner === undefined || file.startsWith(owner) ? undefined : `only ${owner} may import ${target}`
      }),
    ).toBe('')
  })

  test('statistics is mathematics only', () => {
    const own = tsUses.filter(({ file }) => file.startsWith('src/lib/statistics/'))
    expect(complain(own, ({ target }) => (target.startsWith('./') ? undefined : `${target} is not mathematics`))).toBe(
      '',
    )
    const impure = filesOf('src/lib/statistics', /\.ts$/).filter((file) =>
      /\b(Date\b|Math\.random|performance\.|process\.)/.test(readFileSync(join(root, file), 'utf8')),
    )
    expect(impure).toEqual([])
  })

  test('only main ends the process', () => {
    const offenders = filesOf('src', /\.ts$/).filter(
      (file) =>
        file !== 'src/main.ts' && /\bprocess\.(exit|abort|reallyExit)\(/.test(readFileSync(join(root, file), 'utf8')),
    )
    expect(offenders).toEqual([])
  })
})

describe('C++', () => {
  test('there is something to check', () => {
    expect(nativeUses.length).toBeGreaterThan(20)
  })

  test('includes go down; native/core parts do not know each other unless below', () => {
    const own = nativeUses.flatMap((use) => {
      const beside = normalize(join(dirname(use.file), use.target))
      const candidates = [beside, `native/${use.target}`, use.target]
      const to = candidates.find((path) => path.startsWith('native/') && exists(path))
      return to === undefined ? [] : [{ ...use, target: to }]
    })
    expect(complain(own, (use) => whyNot(use.file, use.target, nativeFloors))).toBe('')
  })

  test('only native/addon includes napi.h', () => {
    expect(
      complain(nativeUses, ({ file, target }) =>
        /(^|\/)(napi|node_api|js_native_api|node|uv|v8)\.h$/.test(target) && !file.startsWith('native/addon/')
          ? `${target} belongs in native/addon`
          : undefined,
      ),
    ).toBe('')
  })

  test('native/core knows no I/O, no clock, and starts no thread', () => {
    expect(
      complain(nativeUses, ({ file, target }) =>
        file.startsWith('native/core/') && osHeaders.test(target)
          ? `${target} belongs in native/os or native/runtime`
          : undefined,
      ),
    ).toBe('')
  })
})

function exists(path: string): boolean {
  try {
    readFileSync(join(root, path))
    return true
  } catch {
    return false
  }
}

describe('the rules themselves', () => {
  /** `expected` is the start of the complaint, or undefined. */
  const check = (from: string, to: string, expected: string | undefined) => {
    const why = whyNot(from, to, tsFloors)
    if (expected === undefined) expect(why).toBeUndefined()
    else expect(why).toMatch(new RegExp(`^${expected}`))
  }

  test('one component may not use another, a library may be used by both', () => {
    check('src/receivers/systemd/a.ts', 'src/receivers/cgroup/b.ts', 'sideways')
    check('src/receivers/systemd/a.ts', 'src/exporters/otlp/b.ts', 'sideways')
    check('src/receivers/systemd/a.ts', 'src/receivers/systemd/b.ts', undefined)
    check('src/receivers/systemd/a.ts', 'src/lib/systemd/b.ts', undefined)
    check('src/lib/systemd/a.ts', 'src/receivers/systemd/b.ts', 'upwards')
    check('src/telemetry/a.ts', 'src/binding/b.ts', 'sideways')
    check('src/config/a.ts', 'src/testkit/b.ts', 'sideways')
    check('src/testkit/a.ts', 'src/config/b.ts', undefined)
    check('src/cli/run.ts', 'src/main.ts', 'upwards')
    check('src/new/a.ts', 'src/util/b.ts', 'src/new/a.ts stands on no floor')
  })

  test('a circle is told with the files it goes through', () => {
    const uses = new Map([
      ['a', ['b', 'd']],
      ['b', ['c']],
      ['c', ['b', 'd']],
      ['d', []],
    ])
    expect(circlesOf(uses)).toEqual(['b -> c -> b'])
  })

  test('imports are found in every form, comments are not', () => {
    const text = [
      "import { a } from './a.js'",
      "import type { b } from '../b.js'",
      "const c = await import('./c.js')",
      "export { d } from './d.js'",
      "// import { e } from './e.js'",
      "/* import { f } from './f.js' */",
    ].join('\n')
    expect(usesIn('x.ts', text).map(({ line, target }) => `${line} ${target}`)).toEqual([
      '1 ./a.js',
      '2 ../b.js',
      '3 ./c.js',
      '4 ./d.js',
    ])
    expect(usesIn('x.cc', '#include <vector>\n#  include "core/base/result.h"').map((u) => u.target)).toEqual([
      'vector',
      'core/base/result.h',
    ])
  })
})
