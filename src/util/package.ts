import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** Path of a file that ships with the package, by its path from the package's top folder. */
export function packageFile(path: string): string {
  return fileURLToPath(new URL(path, top))
}

let version: string | undefined

/** Version of the package, read once from its package.json. */
export function packageVersion(): string {
  version ??= (JSON.parse(readFileSync(packageFile('package.json'), 'utf8')) as { readonly version: string }).version
  return version
}

/** The nearest folder above with a package.json: src/, build/js/ and the chunks of dist/ lie at different depths. */
const top = topAbove(new URL('.', import.meta.url))

function topAbove(folder: URL): URL {
  const above = new URL('..', folder)
  return existsSync(new URL('package.json', folder)) || above.href === folder.href ? folder : topAbove(above)
}
