import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { referencePages, writeReference } from '../../../src/cli/reference.js'
import type { Factory } from '../../../src/component/component.js'
import type { ObjectSchema } from '../../../src/component/schema.js'
import { registrations } from '../../../src/registry.js'

// docs/components/ is written by the program and kept in the repository, so that it can be read without the program.
// UPDATE_GOLDEN=1 writes it anew, as `unitscope components --markdown docs/components` does.

const root = resolve(import.meta.dirname, '../../..')
const folder = join(root, 'docs/components')
const remedy = 'run: node dist/main.js components --markdown docs/components'

const factories = await Promise.all(registrations.map((registration) => registration.load()))
if (process.env['UPDATE_GOLDEN'] === '1') await writeReference(factories, folder)
const pages = referencePages(factories)

test.each([...pages])('%s is what the schema says', (name, text) => {
  expect(existsSync(join(folder, name)), remedy).toBe(true)
  expect(readFileSync(join(folder, name), 'utf8'), remedy).toBe(text)
})

test('no page is left of a component that is gone', () => {
  expect(readdirSync(folder).sort()).toEqual([...pages.keys()].sort())
})

test('the command writes the same pages, and names them', async () => {
  const elsewhere = mkdtempSync(join(tmpdir(), 'unitscope-reference-'))
  try {
    const files = await writeReference(factories, join(elsewhere, 'new/folder'))
    expect(files.map((file) => readFileSync(file, 'utf8'))).toEqual([...pages.values()])
  } finally {
    rmSync(elsewhere, { recursive: true })
  }
})

const schema = {
  type: 'object',
  description: 'x',
  required: ['who'],
  properties: {
    who: { type: 'string', maxLength: 64, description: 'A | bar,\n  and a newline.' },
    none: { type: 'string', default: '', description: 'Empty.' },
    few: { type: 'integer', minimum: 1, maximum: 9, default: 3, description: 'Few.' },
    either: {
      anyOf: [
        { type: 'boolean', description: '' },
        {
          type: 'object',
          description: '',
          properties: { deep: { type: 'boolean', default: true, description: 'Deep.' } },
        },
      ],
      default: false,
      description: 'Either.',
    },
    list: {
      type: 'array',
      minItems: 1,
      items: { type: 'string', enum: ['a', 'b'], description: '' },
      description: 'List.',
    },
    map: {
      type: 'object',
      description: 'Map.',
      additionalProperties: {
        type: 'object',
        description: '',
        properties: { wait: { type: 'string', format: 'duration', default: '5s', description: 'Wait.' } },
      },
    },
  },
} as const satisfies ObjectSchema

test('each shape of an option has its words', () => {
  const factory = {
    kind: 'exporter',
    type: 'fake',
    stability: 'alpha',
    description: 'Fakes.',
    configSchema: schema,
    capabilities: ['network'],
    signals: ['logs'],
    create: () => {
      throw new Error('only its page is wanted')
    },
  } satisfies Factory
  const page = referencePages([factory]).get('exporter-fake.md')!
  expect(page).toContain('- Takes: logs\n- Sees: network\n')
  expect(page.split('\n').filter((line) => line.startsWith('| `'))).toEqual([
    '| `who` | text (at most 64 characters) | required | A \\| bar, and a newline. |',
    '| `none` | text | `""` | Empty. |',
    '| `few` | whole number, 1 to 9 | `3` | Few. |',
    '| `either` | `true` or `false` or section | `false` | Either. |',
    '| `either.deep` | `true` or `false` | `true` | Deep. |',
    '| `list` | list of `a`, `b`, at least 1 entry |  | List. |',
    '| `map` | map of name to section |  | Map. |',
    '| `map.<name>.wait` | duration (`5s`, `1m30s`) | `5s` | Wait. |',
  ])
})
