import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import { ExitCode } from '../../src/errors.js'
import { parseStartCommand, startCommand } from '../support/start-command.mjs'

// The same program is started in four ways. Images cannot be built where the tests run; what can be checked of the
// Dockerfile without that is.

const root = resolve(import.meta.dirname, '../..')
const read = (path: string) => readFileSync(join(root, path), 'utf8')
const unit = read('docker/unitscope.service')
const dockerfile = read('docker/Dockerfile')

/** The values of one instruction, in order; a stage's name is none of them. */
const instructions = (name: string) =>
  [...dockerfile.matchAll(new RegExp(`^${name} (.*)$`, 'gm'))].map(([, value]) => value!)

describe('it starts with the same variables and flags', () => {
  test('by its name', () => {
    expect(startCommand.flags).not.toEqual([])
    expect(Object.keys(startCommand.env)).not.toEqual([])
  })

  test('as a systemd unit', () => {
    const variables = [...unit.matchAll(/^Environment=(.*)$/gm)].map(([, value]) => value)
    const [, command] = /^ExecStart=(.*)$/m.exec(unit)!
    expect(parseStartCommand([...variables, command].join(' '))).toEqual(startCommand)
  })

  test('as an image', () => {
    const entry = JSON.parse(instructions('ENTRYPOINT')[0]!) as string[]
    expect(parseStartCommand([...instructions('ENV'), ...entry].join(' '))).toEqual(startCommand)
  })

  test('as the README shows it', () => {
    const commands = [...read('README.md').matchAll(/^(?:[A-Z_]+=\S+ )*node .*dist\/main\.js.*$/gm)].map(
      ([line]) => line,
    )
    for (const line of commands) expect(parseStartCommand(line)).toEqual(startCommand)
    expect(read('README.md')).toContain('dist/main.js run --config pipelines/host.yaml')
  })
})

describe('as a systemd unit it is started again', () => {
  const section = (name: string) => unit.split(/^(?=\[)/m).find((text) => text.startsWith(`[${name}]\n`))!
  const setting = (name: string, key: string) => new RegExp(`^${key}=(.*)$`, 'm').exec(section(name))?.[1]

  test('for as long as it takes, and not at once: what keeps it from starting may pass', () => {
    expect(setting('Service', 'Restart')).toBe('on-failure')
    expect(setting('Unit', 'StartLimitIntervalSec')).toBe('0')
    expect(Number(/^(\d+)s$/.exec(setting('Service', 'RestartSec') ?? '')?.[1])).toBeGreaterThanOrEqual(5)
  })

  test('but not where that cannot help', () => {
    const { config, usage } = ExitCode
    expect(setting('Service', 'RestartPreventExitStatus')).toBe([usage, config].join(' '))
  })

  test('by options that Debian 12 knows, which has systemd 252', () => {
    expect(unit).not.toMatch(/^(RestartSteps|RestartMaxDelaySec|RestartMode)=/m)
  })
})

describe('the image', () => {
  const [build, final] = dockerfile.split(/^(?=FROM )/m).slice(1)

  test('copies what is there', () => {
    const copies = instructions('COPY').map((line) => line.split(' '))
    expect(copies.length).toBeGreaterThan(5)
    for (const words of copies) {
      const fromBuild = words[0] === '--from=build'
      for (const source of words.slice(fromBuild ? 1 : 0, -1))
        expect(existsSync(join(root, source.replace(/^\/src\//, ''))), source).toBe(true)
    }
  })

  test('leaves nothing out of its context that it copies from it', () => {
    const shown = read('docker/Dockerfile.dockerignore')
      .match(/^!.*$/gm)!
      .map((line) => line.slice(1))
    const wanted = [...dockerfile.matchAll(/^COPY (?!--from)(.*) \S+$/gm)].flatMap(([, sources]) => sources!.split(' '))
    expect([...new Set(wanted)].sort()).toEqual(shown.sort())
  })

  test('builds with the sources of the whole build, and ends with what the package holds for a run', () => {
    for (const needed of ['native', 'src', 'binding.gyp', 'tsconfig.json'])
      expect(build).toMatch(new RegExp(`^COPY .*${needed}`, 'm'))
    for (const needed of ['dist', 'package.json', 'pipelines', 'unitscope_native.node']) expect(final).toContain(needed)
    expect(final).not.toContain('node_modules')
  })

  test('is run by nobody in particular, who is not root', () => {
    expect(final).toMatch(/^USER 65534:65534$/m)
  })
})
