import type { Metric } from '../../data/metric.js'
import type { Resource } from '../../data/resource.js'
import type { ControlPlane } from './control-plane.js'
import { counts, gauge, onePoint } from './metric-points.js'
import { metric } from './names.js'
import { isRefused, isUnknown } from './unit-calls.js'

/**
 * Properties read in one pass: 300 of 30 us are 9 ms of PID 1, less than a thousandth of its time at 10 s. What is over
 * it comes with the next pass.
 */
const kMaxReads = 300

/** A unit that is up. */
export interface UpUnit {
  readonly name: string
  readonly invocationId: string
  readonly resource: Resource
}

interface Figure {
  readonly property: string
  readonly name: string
  readonly unit: string
  readonly description: string
  readonly counter: boolean
}

/** What of one type of unit no signal tells. */
interface Poll {
  readonly iface: string
  readonly figures: readonly Figure[]
  /** Read first; where it is false the figures never change. */
  readonly needs: string
}

const figure = (property: string, name: string, unit: string, description: string, counter = true): Figure => ({
  property,
  name,
  unit,
  description,
  counter,
})

/** systemd counts connections only where it accepts them itself. */
export const sockets: Poll = {
  iface: 'org.freedesktop.systemd1.Socket',
  needs: 'Accept',
  figures: [
    figure('NAccepted', metric.socketAccepted, '{connection}', 'Connections accepted (Accept=yes)'),
    figure('NConnections', metric.socketConnections, '{connection}', 'Connections open (Accept=yes)', false),
    figure('NRefused', metric.socketRefused, '{connection}', 'Connections refused, for there were too many'),
  ],
}

export const ipAccounting: Poll = {
  iface: 'org.freedesktop.systemd1.Service',
  needs: 'IPAccounting',
  figures: [
    figure('IPIngressBytes', metric.ipIngressBytes, 'By', 'Bytes received over IP'),
    figure('IPEgressBytes', metric.ipEgressBytes, 'By', 'Bytes sent over IP'),
    figure('IPIngressPackets', metric.ipIngressPackets, '{packet}', 'Packets received over IP'),
    figure('IPEgressPackets', metric.ipEgressPackets, '{packet}', 'Packets sent over IP'),
  ],
}

interface Polled {
  readonly invocationId: string
  readonly resource: Resource
  /** Undefined for what systemd does not count. */
  values: readonly (number | undefined)[]
  readNs: bigint
  /** Since when each sum counts, as far as is known: its first reading, or the one that found it fallen. */
  readonly startNs: bigint[]
  /** They never change while this run lasts. */
  settled: boolean
}

/** Figures that must be asked for, of all units of a type that are up. */
export class PolledUnits {
  readonly #poll: Poll
  readonly #polled = new Map<string, Polled>()

  constructor(poll: Poll) {
    this.#poll = poll
  }

  /**
   * Reads them, those first that were not read for longest.
   *
   * @throws {CallError} when systemd does not answer
   */
  async read(plane: ControlPlane, units: Iterable<UpUnit>, nowNs: () => bigint): Promise<void> {
    const { figures } = this.#poll
    const up = new Map<string, UpUnit>()
    for (const unit of units) up.set(unit.name, unit)
    for (const name of this.#polled.keys()) if (!up.has(name)) this.#polled.delete(name)
    const due = [...up.values()]
      .map((unit) => ({ unit, known: this.#known(unit) }))
      .filter(({ known }) => known?.settled !== true)
      .sort((a, b) => Number((a.known?.readNs ?? 0n) - (b.known?.readNs ?? 0n)))
      .slice(0, Math.floor(kMaxReads / figures.length))
    for (const { unit, known } of due) await this.#readOne(plane, unit, known, nowNs)
  }

  /** Metrics of the last readings; what cannot have changed is told as of now. */
  *metrics(nowNs: bigint): Generator<Metric, void, undefined> {
    for (const { resource, values, readNs, startNs, settled } of this.#polled.values()) {
      for (let at = 0; at < values.length; at++) {
        const value = values[at]
        if (value === undefined) continue
        const { name, unit, description, counter } = this.#poll.figures[at]!
        const timeNs = settled ? nowNs : readNs
        yield counter
          ? counts(name, unit, description, resource, { sinceNs: startNs[at]!, nowNs: timeNs }, onePoint(value))
          : gauge(name, unit, description, resource, timeNs, onePoint(value))
      }
    }
  }

  #known({ name, invocationId }: UpUnit): Polled | undefined {
    const known = this.#polled.get(name)
    return known?.invocationId === invocationId ? known : undefined
  }

  async #readOne(plane: ControlPlane, unit: UpUnit, known: Polled | undefined, nowNs: () => bigint): Promise<void> {
    const { iface, figures, needs } = this.#poll
    const { name, invocationId, resource } = unit
    try {
      const counted = known !== undefined || (await plane.getProperty(name, iface, needs)) === true
      const read = await Promise.all(figures.map(({ property }) => plane.getProperty(name, iface, property)))
      const readNs = nowNs()
      const values = read.map(figureOf)
      const before = known ?? this.#polled.get(name)
      const startNs = figures.map((_, at) => {
        const last = before?.values[at]
        return last === undefined || (values[at] ?? 0) < last ? readNs : before!.startNs[at]!
      })
      this.#polled.set(name, { invocationId, resource, values, readNs, startNs, settled: !counted })
    } catch (error) {
      if (isUnknown(error)) this.#polled.delete(name)
      else if (!isRefused(error)) throw error
    }
  }
}

/** UINT64_MAX: not counted. */
function figureOf(value: unknown): number | undefined {
  if (typeof value !== 'bigint' && typeof value !== 'number') return undefined
  return Number(value) >= 2 ** 64 ? undefined : Number(value)
}
