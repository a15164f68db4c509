import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import type { ProcessorFactory } from '../../src/component/component.js'
import { parseConfig } from '../../src/config/config.js'
import { registrations } from '../../src/registry.js'
import { processorContract } from '../../src/testkit/contract/processor-contract.js'
import { sourcesOf } from './config/fakes.js'

// A reader types what the README shows: its configuration, its messages, its component and its links must be true.

const root = resolve(import.meta.dirname, '../..')
const tsc = join(root, 'node_modules/typescript/bin/tsc')
const text = readFileSync(join(root, 'README.md'), 'utf8')
const blocks = (language: string) =>
  [...text.matchAll(new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``, 'g'))].map(([, block]) => block!)

test('the README opens with a sentence, a picture of real output, and the two commands', () => {
  const order = ['# Unitscope', '![', 'npm ci && npm run demo', 'npm ci && npm test', '## Configuration']
  const places = order.map((mark) => text.indexOf(mark))
  expect(places).toEqual([...places].sort((a, b) => a - b))
  expect(places).not.toContain(-1)
})

test('the configuration is valid', async () => {
  const [whole, ...more] = blocks('yaml').filter((block) => block.includes('pipelines:'))
  expect(more).toEqual([])
  const sources = sourcesOf({}, { '/etc/unitscope/token': 'secret' })
  const { warnings } = await parseConfig(whole!, 'agent.yaml', registrations, sources)
  expect(warnings).toEqual([])
})

test('messages are those of the page on configuration, where they are run', () => {
  const [console] = blocks('console')
  const said = console!.split('\n').filter((line) => line.startsWith('error: '))
  expect(said).not.toEqual([])
  const page = readFileSync(join(root, 'docs/configuration.md'), 'utf8')
  for (const line of said) expect(page).toContain(line)
})

const written = join(root, 'build/readme')
afterAll(() => rmSync(written, { recursive: true, force: true }))

// The compiler's whole work, once for all; on a machine with much else to do it took over 20 s.
test('component and pattern have the right types, and so has the test of the pattern', { timeout: 120_000 }, () => {
  const files = ['shout/factory.ts', 'oom_again/factory.ts', 'oom_again/oom-again.test.ts']
  const options = { noEmit: true, rootDir: root, types: ['node'], typeRoots: [join(root, 'node_modules/@types')] }
  const project = { extends: join(root, 'tsconfig.json'), compilerOptions: options, include: [] }
  const named = { ...project, files: files.map((file) => `processors/${file}`) }
  writeFileSync(join(written, 'tsconfig.json'), JSON.stringify(named))
  const { stdout, status } = spawnSync(process.execPath, [tsc, '-p', written], { encoding: 'utf8' })
  expect({ stdout, status }).toEqual({ stdout: '', status: 0 })
})

describe('the component', () => {
  const folder = join(written, 'processors/shout')
  mkdirSync(folder, { recursive: true })
  for (const block of blocks('ts')) {
    const [, name] = /^\/\/ ([a-z]+\.ts)/.exec(block) ?? []
    if (name === undefined) continue
    writeFileSync(join(folder, name), block.replaceAll("'../../component/", "'../../../../src/component/"))
  }

  test('keeps the contract of processors', async () => {
    const { factory } = (await import(join(folder, 'factory.ts'))) as { factory: ProcessorFactory }
    const cases = processorContract({ factory })
    expect(cases.length).toBeGreaterThan(5)
    for (const { run } of cases) await run()
  })
})

describe('the pattern', async () => {
  const folder = join(written, 'processors/oom_again')
  mkdirSync(folder, { recursive: true })
  for (const block of blocks('ts')) {
    const [, file] = /^\/\/ (?:src|test\/unit)\/processors\/oom_again\/(\S+\.ts)/.exec(block) ?? []
    if (file === undefined) continue
    const moved = block
      .replaceAll("'../../../../src/processors/oom_again/", "'./")
      .replaceAll(/'\.\.\/\.\.\/(component|lib)\//g, "'../../../../src/$1/")
    writeFileSync(join(folder, file), moved)
  }

  test('is as short as is said', () => {
    const [code] = blocks('ts').filter((block) => block.startsWith('// src/processors/oom_again/factory.ts'))
    const lines = code!.split('\n').filter((line) => line !== '' && !/^(import|\/\/)/.test(line))
    expect(lines.length).toBeLessThanOrEqual(30)
  })

  test('is formatted as all code is', () => {
    const biome = join(root, 'node_modules/@biomejs/biome/bin/biome')
    for (const block of blocks('ts').filter((one) => one.includes('/processors/oom_again/'))) {
      const [, path] = /^\/\/ (\S+)/.exec(block)!
      const format = [biome, 'format', `--stdin-file-path=${path}`]
      const { stdout } = spawnSync(process.execPath, format, { cwd: root, input: block, encoding: 'utf8' })
      expect(stdout).toBe(block)
    }
  })

  test('keeps the contract of processors', async () => {
    const { factory } = (await import(join(folder, 'factory.ts'))) as { factory: ProcessorFactory }
    for (const { run } of processorContract({ factory })) await run()
  })

  // Its own test joins these.
  await import(join(folder, 'oom-again.test.ts'))
})

describe('every link between pages leads somewhere', () => {
  const pages = ['.', 'docs', 'src', 'test', 'bench'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: folder !== '.', encoding: 'utf8' })
      .filter((name) => name.endsWith('.md'))
      .map((name) => join(root, folder, name)),
  )
  test.each(pages.map((page) => relative(root, page)))('%s', (page) => {
    const prose = readFileSync(join(root, page), 'utf8').replaceAll(/```[\s\S]*?```/g, '')
    const targets = [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target!)
    const local = targets.filter((target) => !/^(https?:|#)/.test(target)).map((target) => target.replace(/#.*/, ''))
    expect(local.filter((target) => !existsSync(resolve(root, dirname(page), target)))).toEqual([])
  })
})
