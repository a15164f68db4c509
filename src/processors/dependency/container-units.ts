import { type ContainerIdentity, containerOfUnit } from '../../lib/containers/recognise.js'
import type { UnitGraph } from '../../lib/dependencies/unit-graph.js'

/** A unit that is a container or a pod. */
export interface ContainerUnit {
  readonly unit: string
  /** `docker container`, `containerd container`, `kubelet pod`. */
  readonly kind: string
  readonly runtime: string
}

/** What a unit is among containers; undefined for a runtime's own units and all others. */
export function containerUnit(unit: string): ContainerUnit | undefined {
  const identity = containerOfUnit(unit)
  const kind = identity === undefined ? undefined : kindOf(identity)
  return kind === undefined ? undefined : { unit, kind: `${identity!.runtime} ${kind}`, runtime: identity!.runtime }
}

function kindOf({ containerId, podUid }: ContainerIdentity): string | undefined {
  if (containerId !== undefined) return 'container'
  return podUid === undefined ? undefined : 'pod'
}

/**
 * Containers by the runtime that made them. systemd knows no dependency between a daemon and its containers: their scopes
 * lie in a slice beside it and run on without it, but nobody watches, restarts or talks to them any more.
 */
export class ContainerUnits {
  readonly #graph: UnitGraph
  #version = -1
  #byRuntime = new Map<string, ContainerUnit[]>()

  constructor(graph: UnitGraph) {
    this.#graph = graph
  }

  /** Those that `unit` runs; none where it is no daemon of a runtime. In the order of their names. */
  of(unit: string): readonly ContainerUnit[] {
    const daemon = unit.endsWith('.service') ? containerOfUnit(unit) : undefined
    if (daemon === undefined || kindOf(daemon) !== undefined) return []
    this.#refresh()
    return this.#byRuntime.get(daemon.runtime) ?? []
  }

  /** The whole graph is looked through once per change, and only when a runtime failed. */
  #refresh(): void {
    if (this.#version === this.#graph.version) return
    this.#version = this.#graph.version
    this.#byRuntime = new Map()
    for (const unit of [...this.#graph.units()].sort()) {
      const container = containerUnit(unit)
      if (container === undefined) continue
      const list = this.#byRuntime.get(container.runtime)
      if (list === undefined) this.#byRuntime.set(container.runtime, [container])
      else list.push(container)
    }
  }
}
