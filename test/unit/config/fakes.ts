import type { ConfigComplaint, Factory, Registration } from '../../../src/component/component.js'
import { ok } from '../../../src/component/outcome.js'
import type { ObjectSchema } from '../../../src/component/schema.js'
import type { AgentConfig, Sources } from '../../../src/config/agent-config.js'
import { parseConfig } from '../../../src/config/config.js'
import type { Signal } from '../../../src/data/batch.js'
import { ConfigError, formatProblem } from '../../../src/errors.js'

// Components that exist for these tests only: between them they use every word of the schema language.

const idle = { start: async () => {}, shutdown: async () => {} }
const head = { stability: 'stable', description: 'A fake.', capabilities: [] } as const

const sourceSchema = {
  type: 'object',
  description: 'A receiver.',
  properties: {
    interval: { type: 'string', format: 'duration', default: '10s', description: 'How often.' },
    buffer: { type: 'string', format: 'size', default: '64KiB', description: 'How much.' },
    unit_types: {
      type: 'array',
      items: { type: 'string', enum: ['service', 'socket', 'timer'], description: 'A unit type.' },
      minItems: 1,
      maxItems: 3,
      default: ['service'],
      description: 'Which.',
    },
    burst: { type: 'integer', minimum: 1, maximum: 1000, default: 100, description: 'How many.' },
    ratio: { type: 'number', minimum: 0, maximum: 1, description: 'What share.' },
    enabled: { type: 'boolean', default: true, description: 'Whether.' },
    pattern: { type: 'string', maxLength: 20, description: 'A regular expression.' },
    limit: {
      anyOf: [
        { type: 'string', enum: ['auto', 'off'], description: 'A word.' },
        { type: 'integer', minimum: 1, description: 'A number.' },
      ],
      default: 'auto',
      description: 'A word or a number.',
    },
    labels: {
      type: 'object',
      additionalProperties: {
        anyOf: [
          { type: 'string', minLength: 1, description: 'Text.' },
          { type: 'number', description: 'A number.' },
        ],
        description: 'A value.',
      },
      default: {},
      description: 'Labels.',
    },
    match: {
      anyOf: [
        { type: 'string', minLength: 1, description: 'One.' },
        { type: 'array', items: { type: 'string', description: 'One.' }, minItems: 1, description: 'Several.' },
        {
          type: 'object',
          properties: { name: { type: 'string', description: 'A name.' } },
          required: ['name'],
          description: 'By key.',
        },
      ],
      description: 'Text, a list or a map.',
    },
  },
} as const satisfies ObjectSchema

const sinkSchema = {
  type: 'object',
  description: 'An exporter.',
  properties: {
    endpoint: { type: 'string', format: 'endpoint', description: 'Where to.' },
    token: { type: 'string', format: 'secret', description: 'A secret.' },
    key: { type: 'string', format: 'secret', pattern: '^k-', description: 'A secret of a form.' },
    user: { type: 'string', pattern: '^[a-z]+$', description: 'A name.' },
    headers: {
      type: 'object',
      additionalProperties: { type: 'string', format: 'secret', description: 'A value.' },
      maxProperties: 3,
      default: {},
      description: 'Headers.',
    },
    tls: {
      type: 'object',
      properties: {
        insecure: { type: 'boolean', default: false, description: 'No TLS.' },
        ca_file: { type: 'string', description: 'A path.' },
        min_version: { type: 'string', enum: ['1.2', '1.3'], default: '1.2', description: 'The least version.' },
      },
      default: {},
      description: 'TLS.',
    },
  },
  required: ['endpoint'],
} as const satisfies ObjectSchema

const emptySchema = { type: 'object', description: 'Nothing to set.', properties: {} } as const satisfies ObjectSchema

function checkSource(config: { readonly pattern?: string }): readonly ConfigComplaint[] {
  try {
    new RegExp(config.pattern ?? '')
    return []
  } catch (error) {
    return [{ path: ['pattern'], reason: (error as Error).message }]
  }
}

const receiver = (type: string): Factory => ({
  ...head,
  kind: 'receiver',
  type,
  configSchema: sourceSchema,
  check: checkSource,
  create: () => idle,
})
const processor = (type: string): Factory => ({
  ...head,
  kind: 'processor',
  type,
  configSchema: emptySchema,
  create: (_s, _c, next) => ({ ...idle, consume: (b) => next.consume(b) }),
})
const exporter = (type: string, signals: readonly Signal[]): Factory => ({
  ...head,
  kind: 'exporter',
  type,
  signals,
  configSchema: sinkSchema,
  create: () => ({ ...idle, consume: async () => ok }),
})

const factories: readonly Factory[] = [
  receiver('source'),
  receiver('other_source'),
  processor('memory_limiter'),
  processor('filter'),
  processor('batch'),
  exporter('sink', ['logs', 'metrics', 'traces']),
  exporter('scrape', ['metrics']),
  { ...head, kind: 'extension', type: 'health', configSchema: emptySchema, create: () => idle },
]

export const registrations: readonly Registration[] = [
  ...factories.map((factory) => ({ kind: factory.kind, type: factory.type, load: async () => factory })),
  {
    kind: 'receiver',
    type: 'broken',
    load: async () => {
      throw new Error('the native addon was built for another system')
    },
  },
]

/** Files by path, with an optional mode. */
export type Files = Readonly<Record<string, string | Uint8Array | { readonly text: string; readonly mode: number }>>

export function sourcesOf(env: Sources['env'] = {}, files: Files = {}): Sources {
  return {
    env,
    async readFile(path) {
      const file = Object.hasOwn(files, path) ? files[path] : undefined
      if (file === undefined) throw new Error('does not exist')
      if (typeof file === 'string') return { bytes: Buffer.from(file), mode: 0o600 }
      return file instanceof Uint8Array
        ? { bytes: file, mode: 0o600 }
        : { bytes: Buffer.from(file.text), mode: file.mode }
    },
  }
}

export function parse(text: string, env: Sources['env'] = {}, files: Files = {}): Promise<AgentConfig> {
  return parseConfig(text, 'agent.yaml', registrations, sourcesOf(env, files))
}

/** What an operator reads about a configuration: its problems, or `OK` and its warnings. */
export async function verdict(text: string, env: Sources['env'] = {}, files: Files = {}): Promise<string[]> {
  try {
    const { warnings } = await parse(text, env, files)
    return ['OK', ...warnings.map((w) => `warning ${w.code} ${formatProblem(w)}`)]
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return error.problems.map((p) => `${p.code} ${formatProblem(p)}`)
  }
}

/** A whole configuration around the lines of one receiver; they start on line 3. */
export function withSource(lines: string): string {
  return `receivers:\n  source:\n${lines}\nexporters:\n  sink: { endpoint: "127.0.0.1:4317" }\nservice:\n  pipelines:\n    all: { receivers: [source], exporters: [sink] }\n`
}
