import { existsSync, readdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { registrations } from '../../src/registry.js'

const src = resolve(import.meta.dirname, '../../src')

test.each(registrations.map((registration) => [`${registration.kind} ${registration.type}`, registration] as const))(
  '%s is what it is registered as, and has its files',
  async (_name, registration) => {
    const factory = await registration.load()
    expect(factory.kind).toBe(registration.kind)
    expect(factory.type).toBe(registration.type)
    expect(factory.description).toMatch(/^[A-Z].*\.$/s)
    const folder = join(src, `${factory.kind}s`, factory.type)
    const files = readdirSync(folder)
    // What is one file, as a pattern may be (README, "A pattern in 30 lines"), has its schema in that.
    const isOneFile = files.filter((file) => file.endsWith('.ts')).join() === 'factory.ts'
    const wanted = isOneFile ? ['factory.ts', 'README.md'] : ['factory.ts', 'config.ts', 'README.md']
    expect(files).toEqual(expect.arrayContaining(wanted))
  },
)

test('every component folder is registered', () => {
  const folders = ['receiver', 'processor', 'exporter', 'extension'].flatMap((kind) =>
    existsSync(join(src, `${kind}s`)) ? readdirSync(join(src, `${kind}s`)).map((type) => `${kind} ${type}`) : [],
  )
  expect(folders.sort()).toEqual(registrations.map(({ kind, type }) => `${kind} ${type}`).sort())
})
