import type { Factory } from '../component/component.js'
import { ExitCode } from '../errors.js'
import type { Command, Invocation } from './command.js'
import { jsonText } from './json-text.js'

export const command: Command = {
  name: 'components',
  summary: 'List the components of this build and what this machine allows',
  description: [
    'Lists every receiver, processor, exporter and extension: type, stability, signals, what it can see, and what this',
    'machine allows: available; limited, where its defaults lack something (run starts it all the same); or unavailable.',
    'With --markdown it writes the reference page of each instead.',
  ].join('\n'),
  options: {
    json: { type: 'boolean', description: 'Print JSON, for scripts' },
    markdown: {
      type: 'string',
      valueName: 'DIR',
      description: 'Write one reference page per component into DIR',
      completes: 'directory',
    },
  },
  examples: [
    { line: 'unitscope components', what: 'What can run here?' },
    {
      line: "unitscope components --json | jq -r '.[] | select(.unavailable or .limited) | .type'",
      what: 'What cannot, or not fully?',
    },
  ],
  run,
}

/** One component as `--json` prints it. */
export interface ComponentEntry {
  readonly kind: Factory['kind']
  readonly type: string
  readonly stability: Factory['stability']
  readonly description: string
  /** What exporters take, and what receivers bring where that is not all. The others see all. */
  readonly signals?: readonly string[]
  readonly capabilities: readonly string[]
  /** Why this machine cannot serve it; absent where it can. */
  readonly unavailable?: string
  /** What it must do without here, or what it waits for; `run` starts it all the same. Absent where that is nothing. */
  readonly limited?: string
}

async function run({ values, terminal }: Invocation): Promise<number> {
  const { registrations } = await import('../registry.js')
  const factories = await Promise.all(registrations.map((registration) => registration.load()))
  const directory = values['markdown']
  if (typeof directory === 'string') {
    const { writeReference } = await import('./reference.js')
    for (const file of await writeReference(factories, directory)) terminal.out.write(`${file}\n`)
    return ExitCode.ok
  }
  const entries = factories.map(entryOf)
  terminal.out.write(values['json'] === true ? jsonText(entries) : table(entries))
  return ExitCode.ok
}

export function entryOf(factory: Factory): ComponentEntry {
  const unavailable = factory.unavailable?.()
  const limited = unavailable === undefined ? factory.limited?.() : undefined
  const { kind, type, stability, description, capabilities } = factory
  return {
    kind,
    type,
    stability,
    description,
    ...('signals' in factory && factory.signals !== undefined ? { signals: factory.signals } : {}),
    capabilities,
    ...(unavailable === undefined ? {} : { unavailable }),
    ...(limited === undefined ? {} : { limited }),
  }
}

function here({ unavailable, limited }: ComponentEntry): string {
  if (unavailable !== undefined) return `unavailable: ${unavailable}`
  return limited === undefined ? 'available' : `limited: ${limited}`
}

export function table(entries: readonly ComponentEntry[]): string {
  const head = ['KIND', 'TYPE', 'STABILITY', 'SIGNALS', 'SEES', 'HERE']
  const rows = entries.map((entry) => [
    entry.kind,
    entry.type,
    entry.stability,
    entry.signals?.join(',') ?? 'all',
    entry.capabilities.join(',') || '-',
    here(entry),
  ])
  const widths = head.map((title, at) => Math.max(title.length, ...rows.map((row) => row[at]!.length)))
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, at) => (at === cells.length - 1 ? cell : cell.padEnd(widths[at]!)))
      .join('  ')
      .trimEnd()
  return `${[head, ...rows].map(line).join('\n')}\n`
}
