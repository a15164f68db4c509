import type { ComponentReport, LedgerReport, StatusReport } from '../service/status-report.js'
import { formatDuration } from '../util/duration.js'
import { findingsOf, tally } from './findings.js'
import { paint, sgr } from './problems.js'
import type { Output } from './terminal.js'

const number = (value: number): string => value.toLocaleString('en-US')
const nameOf = ({ id, pipeline }: { readonly id: string; readonly pipeline?: string }): string =>
  pipeline === undefined ? id : `${id} (${pipeline})`

/**
 * One line for the agent, one for each component.
 *
 * @param socket - where it is asked, if not in the usual place
 */
export function statusText(report: StatusReport, output: Output, socket?: string): string {
  const { version, pid, uptime_s, components, ledger } = report
  const fine = components.filter(({ state }) => state === 'ok').length
  const head = `unitscope ${version}, pid ${pid}, up ${formatDuration(uptime_s * 1000)}: ${fine} of ${components.length} components ok`
  const rows = components.map((component) => [component.kind, nameOf(component), component.state, notes(component)])
  const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => row[column]!.length), 0))
  const lines = rows.map(([kind, name, state, note]) => {
    const word = paint(output, colorOf(state!), state!.padEnd(widths[2]!))
    return `  ${kind!.padEnd(widths[0]!)}  ${name!.padEnd(widths[1]!)}  ${word}  ${note}`.trimEnd()
  })
  return [head, ...lines, ...broken(report, output, socket), ...missing(ledger), ''].join('\n')
}

/** That it is well says nothing of what it watches. */
function broken(report: StatusReport, output: Output, socket: string | undefined): readonly string[] {
  const found = tally(findingsOf(report)?.concerns ?? [])
  const whom = socket === undefined ? '' : ` --socket ${socket}`
  return found === '' ? [] : [`${paint(output, sgr.yellow, found)}: unitscope incidents${whom}`]
}

function colorOf(state: string): number {
  if (state === 'ok') return sgr.green
  return state === 'failed' || state === 'degraded' ? sgr.red : sgr.yellow
}

/** Why, and what a person at night asks next: how much waits, and whether it is still tried. */
function notes({ reason, gauges }: ComponentReport): string {
  const waiting = (['queue_items', 'held_items', 'outbox_items', 'pending_items'] as const).flatMap((name) => {
    const items = gauges[name] ?? 0
    return items === 0 ? [] : [`${number(items)} items wait`]
  })
  const open = ['', 'breaker half-open', 'breaker open'][gauges['breaker_state'] ?? 0] ?? ''
  const breaker = reason?.includes('breaker open') ? '' : open
  return [reason ?? '', ...waiting, breaker].filter((part) => part !== '').join('; ')
}

/** Where every item is: a row for each component, drops by reason, and whether it adds up. */
export function ledgerText(ledger: LedgerReport): string {
  const heads = ['component', 'in', 'produced', 'out', 'dropped', 'held', 'queued']
  const rows = ledger.rows.map((row) => [
    `${row.kind} ${nameOf(row)}`,
    number(row.in),
    number(row.produced),
    number(row.out),
    number(sum(row.dropped)),
    number(row.held),
    number(row.queued),
  ])
  const drops = ledger.rows.flatMap((row) =>
    Object.entries(row.dropped).map(([reason, items]) => [`${row.kind} ${nameOf(row)}`, reason, number(items)]),
  )
  // An older agent tells of the first two only.
  const signals = Object.entries(ledger.signals).map(([signal, of]) => {
    const columns = [of.received, of.to_exporters, of.exported ?? 0, of.queued ?? 0, sum(of.dropped ?? {})]
    return [signal, ...columns.map(number)]
  })
  return [
    table(heads, rows),
    table(['signal', 'received', 'to exporters', 'exported', 'queued', 'dropped'], signals),
    ...(drops.length === 0 ? [] : [table(['dropped by', 'reason', 'items'], drops)]),
    ...shown('for nobody', ledger.unrouted),
    ...shown('looked at only', ledger.used),
    missing(ledger)[0] ?? 'in + produced = out + dropped + held for every component and signal',
    '',
  ].join('\n')
}

function missing({ unaccounted }: LedgerReport): readonly string[] {
  const parts = Object.entries(unaccounted).map(([component, items]) => `${component}: ${number(items)}`)
  return parts.length === 0 ? [] : [`UNACCOUNTED FOR, a bug, please report it: ${parts.join('; ')}`]
}

function shown(what: string, counts: Readonly<Record<string, number>>): readonly string[] {
  return Object.entries(counts).map(([place, items]) => `${what}: ${number(items)} of ${place}`)
}

const sum = (counts: Readonly<Record<string, number>>): number =>
  Object.values(counts).reduce((total, items) => total + items, 0)

/** Texts to the left, numbers to the right. */
function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = heads.map((head, column) => Math.max(head.length, ...rows.map((row) => row[column]!.length)))
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => {
        const isNumber = rows.every((row) => /^-?[\d,]+$/.test(row[column]!)) && rows.length > 0
        return isNumber ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!)
      })
      .join('  ')
      .trimEnd()
  return `${[line(heads), ...rows.map(line)].join('\n')}\n`
}
