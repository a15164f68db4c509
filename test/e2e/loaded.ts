import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { packageRoot } from '../lab/lab.js'

interface Coverage {
  readonly result: readonly { readonly url: string }[]
}

/**
 * Which source files a program loads. V8 lists every script of a process at its end (NODE_V8_COVERAGE), and the source maps
 * beside the scripts of dist/ say what each was made of.
 *
 * @param run - starts the program with these variables and waits for its end
 * @returns paths below the package's top folder, such as `src/main.ts` and `node_modules/yaml/dist/compose/composer.js`
 */
export async function sourcesLoadedBy(
  run: (env: Readonly<Record<string, string>>) => Promise<void>,
): Promise<readonly string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'unitscope-loaded-'))
  try {
    await run({ NODE_V8_COVERAGE: folder })
    const reports = readdirSync(folder).map((file) => JSON.parse(readFileSync(join(folder, file), 'utf8')) as Coverage)
    const scripts = reports
      .flatMap(({ result }) => result.map(({ url }) => url))
      .filter((url) => url.startsWith('file:'))
    return [...new Set(scripts.map((url) => fileURLToPath(url)).flatMap(sourcesOf))].sort()
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function sourcesOf(script: string): readonly string[] {
  const { sources } = JSON.parse(readFileSync(`${script}.map`, 'utf8')) as { readonly sources: readonly string[] }
  return sources.map((source) => relative(packageRoot, resolve(dirname(script), source)))
}
