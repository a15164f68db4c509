/** A span as a backend has it: names are those of the protocol. */
export interface WireSpan {
  readonly name: string
  readonly trace_id: string
  readonly span_id: string
  readonly parent_span_id: string
  readonly start_time_unix_nano: string
  readonly end_time_unix_nano: string
  readonly attributes: Readonly<Record<string, unknown>>
  readonly events: readonly { readonly name: string }[]
  readonly links: readonly {
    readonly trace_id: string
    readonly span_id: string
    readonly attributes: Readonly<Record<string, unknown>>
  }[]
  readonly status: { readonly code: string | number; readonly message: string } | null
  readonly resource: { readonly attributes: Readonly<Record<string, unknown>> }
}

const kBarColumns = 28

/**
 * An incident's trace and those of the failed runs that it links to, as text: a bar for each span, then service, name, status
 * and links. Instants are numbered in their order, IDs have names, so that the same story gives the same picture.
 */
export function drawTraces(spans: readonly WireSpan[], root: WireSpan): string {
  const names = new Map<string, string>([[root.trace_id, 'incident']])
  const own = spans.filter(({ trace_id }) => trace_id === root.trace_id)
  const children = own.filter(({ span_id }) => span_id !== root.span_id).sort(byStart)
  for (const { links, resource } of [root, ...children])
    for (const { trace_id } of links)
      if (!names.has(trace_id)) names.set(trace_id, `${resource.attributes['service.name']}#${runsOf(names, resource)}`)
  const failedRun = root.links[0]?.trace_id
  const run = spans.filter(({ trace_id }) => trace_id === failedRun)
  const runRoot = run.find(({ parent_span_id }) => parent_span_id === '')
  const lines = ['trace incident', ...draw(root, children, names)]
  if (runRoot !== undefined) {
    const phases = run.filter((span) => span !== runRoot).sort(byStart)
    lines.push('', `trace ${names.get(runRoot.trace_id)}`, ...draw(runRoot, phases, names))
  }
  return `${lines.join('\n')}\n`
}

function runsOf(names: ReadonlyMap<string, string>, { attributes }: WireSpan['resource']): number {
  const prefix = `${String(attributes['service.name'])}#`
  return [...names.values()].filter((name) => name.startsWith(prefix)).length + 1
}

function draw(root: WireSpan, children: readonly WireSpan[], names: ReadonlyMap<string, string>): string[] {
  const all = [root, ...children]
  const instants = new Set(all.flatMap(({ start_time_unix_nano: a, end_time_unix_nano: b }) => [BigInt(a), BigInt(b)]))
  const order = [...instants].sort((a, b) => (a < b ? -1 : 1))
  const rank = (at: string): number => order.indexOf(BigInt(at))
  const column = (at: string): number => Math.round((rank(at) / Math.max(order.length - 1, 1)) * (kBarColumns - 1))
  const line = (span: WireSpan): string => {
    const [from, to] = [column(span.start_time_unix_nano), column(span.end_time_unix_nano)]
    const bar = `${' '.repeat(from)}${'━'.repeat(to - from + 1)}`.padEnd(kBarColumns)
    const interval = `t${rank(span.start_time_unix_nano)}-t${rank(span.end_time_unix_nano)}`.padEnd(8)
    return `|${bar}| ${interval} ${String(span.resource.attributes['service.name']).padEnd(12)} ${span.name}${said(span, names)}`
  }
  return [
    line(root),
    ...children.map(line),
    ...attributesOf(root, names).map((text) => `    ${text}`),
    ...root.events.map(({ name }) => `    event ${name}`),
  ]
}

function said({ status, links }: WireSpan, names: ReadonlyMap<string, string>): string {
  const failed = status !== null && status.message !== ''
  const targets = links.map(({ trace_id, attributes }) => `${attributes['systemd.link.kind']} ${names.get(trace_id)}`)
  return `${failed ? `  [error: ${status.message}]` : ''}${targets.length === 0 ? '' : `  -> ${targets.join(', ')}`}`
}

/** What differs from run to run is left out, or has a name. */
function attributesOf({ attributes }: WireSpan, names: ReadonlyMap<string, string>): string[] {
  return Object.entries(attributes)
    .filter(([key]) => !/_usec$|\.pid$|\.duration$/.test(key))
    .map(
      ([key, value]) =>
        `${key} = ${names.get(String(value)) ?? (Array.isArray(value) ? value.join(', ') : String(value))}`,
    )
    .sort()
}

function byStart(a: WireSpan, b: WireSpan): number {
  const [first, second] = [BigInt(a.start_time_unix_nano), BigInt(b.start_time_unix_nano)]
  if (first !== second) return first < second ? -1 : 1
  return BigInt(a.end_time_unix_nano) < BigInt(b.end_time_unix_nano) ? -1 : 1
}
