import type { RawEvent } from '../../data/event.js'
import type { Resource } from '../../data/resource.js'
import { failureOfEvent } from '../systemd/failure.js'
import { attr, event as names } from '../systemd/names.js'
import type { Unit, UnitSignal } from './detector.js'

const kinds: ReadonlyMap<string, UnitSignal['kind']> = new Map([
  [names.failed, 'failed'],
  [names.restarting, 'restarting'],
  [names.restarted, 'restarted'],
  [names.started, 'started'],
  [names.stopped, 'stopped'],
  [names.startLimitHit, 'gave_up'],
  [names.oomKilled, 'oom_killed'],
])

/** Restarts that somebody has asked for: no sign of a crash. */
const byJob = new Set(['manual', 'dependency', 'remediation'])

/** What the event says of its unit; undefined for every other event, at the cost of one lookup. */
export function signalKind(event: RawEvent): UnitSignal['kind'] | undefined {
  return kinds.get(event.name)
}

export function readUnitSignal(
  event: RawEvent,
  kind: UnitSignal['kind'],
  unit: Unit,
  atMs: number,
  quiet: UnitSignal['quiet'],
): UnitSignal {
  return {
    kind,
    unit,
    atMs,
    invocationId: text(event.attributes[attr.invocationId]),
    auto: !byJob.has(text(event.attributes[attr.restartCause])),
    how: howItEnded(event),
    quiet,
    event,
  }
}

/** `exit-code/3`, `signal/SIGSEGV`, `timeout`, `exit-code/ExecStartPre=`, `success`. */
function howItEnded({ attributes }: RawEvent): string {
  const { result, detail, command } = failureOfEvent(attributes)
  const more = detail ?? command
  if (result === '') return 'unknown'
  return more === undefined || result === 'success' ? result : `${result}/${more}`
}

/** Units by resource, which are interned: a name is put together once per unit, not per record. */
export class Units {
  readonly #known = new WeakMap<Resource, Unit>()
  readonly #machines = new WeakMap<Resource, Unit>()

  /** Undefined where the resource is no unit and no container: the host. */
  of(resource: Resource): Unit | undefined {
    const known = this.#known.get(resource)
    if (known !== undefined) return known
    const name = text(resource.attributes[attr.unit]) || containerName(resource)
    if (name === '') return undefined
    const unit = { key: resource.key, name, resource }
    this.#known.set(resource, unit)
    return unit
  }

  /** The machine, by a resource that is no unit's. */
  ofMachine(resource: Resource): Unit {
    let machine = this.#machines.get(resource)
    if (machine === undefined) {
      machine = { key: resource.key, name: '', resource }
      this.#machines.set(resource, machine)
    }
    return machine
  }

  /** An event names its unit itself where its resource does not. */
  ofEvent(event: RawEvent): Unit | undefined {
    const known = this.of(event.resource)
    if (known !== undefined) return known
    const name = text(event.attributes[attr.unit])
    return name === '' ? undefined : { key: `${event.resource.key} ${name}`, name, resource: event.resource }
  }
}

function containerName({ attributes }: Resource): string {
  return attributes['container.id'] === undefined && attributes['k8s.pod.uid'] === undefined
    ? ''
    : text(attributes['service.name'])
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
