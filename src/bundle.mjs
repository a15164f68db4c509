#!/usr/bin/env node
// Makes dist/ of src/: the program, the public API, and one file for each component, so that one which no pipeline names
// is never read. `npm run build` runs it after the type-check.
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const root = fileURLToPath(new URL('..', import.meta.url))
const dist = join(root, 'dist')

/** `{ 'receivers/systemd': 'src/receivers/systemd/factory.ts', ... }`: named entries keep readable file names. */
function components() {
  const kinds = ['receivers', 'processors', 'exporters', 'extensions']
  const found = kinds.flatMap((kind) => foldersIn(join(root, 'src', kind)).map((name) => `${kind}/${name}`))
  return Object.fromEntries(found.map((name) => [name, `src/${name}/factory.ts`]))
}

function foldersIn(folder) {
  try {
    return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []))
  } catch {
    return []
  }
}

const { outputFiles, metafile } = await build({
  absWorkingDir: root,
  entryPoints: { main: 'src/main.ts', index: 'src/index.ts', ...components() },
  outdir: 'dist',
  chunkNames: 'chunk/[name]-[hash]',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  // Names stay, for stack traces; without blanks and comments there is less to read and to keep.
  minifyWhitespace: true,
  minifySyntax: true,
  lineLimit: 120,
  sourcemap: 'linked',
  sourcesContent: false,
  legalComments: 'none',
  // What CommonJS packages among the dependencies require of Node.
  banner: {
    js: "import{createRequire as $createRequire}from'node:module';const require=$createRequire(import.meta.url);",
  },
  metafile: true,
  write: false,
  logLevel: 'warning',
})

const wanted = new Map(outputFiles.map(({ path, contents }) => [path, Buffer.from(contents)]))
wanted.set(join(dist, 'THIRD-PARTY-LICENSES.txt'), Buffer.from(licences(Object.keys(metafile.inputs))))

// Only what differs is written, and old chunks go last: an agent that runs from here finds its own until then.
for (const [path, contents] of wanted) {
  if (same(path, contents)) continue
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, contents)
}
// As npm does for a package's programs: the first line says how it is started.
chmodSync(join(dist, 'main.js'), 0o755)
removeOthers(dist)

/** Removes all files of a folder that this build did not make, and folders without any. */
function removeOthers(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (path === join(dist, 'types')) continue
    if (entry.isDirectory()) removeOthers(path)
    else if (!wanted.has(path)) rmSync(path)
  }
  if (readdirSync(folder).length === 0) rmdirSync(folder)
}

function same(path, contents) {
  try {
    return readFileSync(path).equals(contents)
  } catch {
    return false
  }
}

/** The licence of every package that dist/ holds code of. Throws when one brings no text. */
function licences(inputs) {
  const folders = new Set(inputs.flatMap((path) => /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? []))
  const parts = [...folders].sort().map((folder) => {
    const { name, version, license } = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'))
    const file = readdirSync(join(root, folder)).find((entry) => /^(licen[cs]e|copying)/i.test(entry))
    if (file === undefined) throw new Error(`${name} ${version} (${license}) brings no licence text`)
    return `${name} ${version} (${license})\n\n${readFileSync(join(root, folder, file), 'utf8').trim()}\n`
  })
  return `dist/ holds code of these packages.\n\n${parts.join(`\n${'-'.repeat(80)}\n\n`)}`
}
