import type { MemoryKill } from '../../binding/cgroup-source.js'
import type { Settings } from '../../component/component.js'
import type { Attributes } from '../../data/attributes.js'
import { type RawEvent, Severity } from '../../data/event.js'
import type { Resource } from '../../data/resource.js'
import { ownerOfCgroup, userManagerCgroup } from '../../lib/cgroup/unit-path.js'
import { type ContainerIdentity, containerOfCgroup } from '../../lib/containers/recognise.js'
import { attr } from '../../lib/systemd/names.js'
import { type OomReport, OomRun } from '../../lib/systemd/oom-run.js'
import type { Timer } from '../../util/clock.js'
import type { Config } from './config.js'
import { evidenceOf } from './oom-watch.js'
import { containerResource } from './subjects.js'

/** The counter and the log tell of one kill within milliseconds of each other. */
const kSettleMs = 1000
/** Containers whose kills are told apart; of one that was forgotten the next kill is told all the same. */
const kMaxContainers = 512
/** A container's cgroups lie at most this deep; deeper ones are nobody's. */
const kMaxDepth = 32

/**
 * Kills for want of memory in containers that have no unit: nobody else knows them, so the kernel's word is all there is, and
 * the event is made here. Each is told once, a second after the first that is heard of it.
 */
export class ContainerOoms {
  readonly #settings: Settings
  readonly #config: Config
  readonly #base: string
  readonly #tell: (events: readonly RawEvent[]) => void
  /** Heard of longest ago first. */
  readonly #runs = new Map<Resource, OomRun>()
  #settling: Timer | undefined

  constructor(settings: Settings, config: Config, uid: number, tell: (events: readonly RawEvent[]) => void) {
    this.#settings = settings
    this.#config = config
    this.#base = config.scope === 'user' ? userManagerCgroup(uid) : ''
    this.#tell = tell
  }

  take(kills: readonly MemoryKill[]): void {
    if (!this.#config.containers) return
    for (const kill of kills) this.#take(kill)
  }

  /** Tells what waits. */
  settle(): void {
    this.#settling?.cancel()
    this.#settling = undefined
    const events: RawEvent[] = []
    for (const [resource, run] of this.#runs)
      if (run.state !== 'nothing') events.push(this.#event(resource, run.report()))
    if (events.length > 0) this.#tell(events)
  }

  #take(kill: MemoryKill): void {
    if (ownerOfCgroup(kill.path, this.#base) !== undefined || !kill.path.startsWith(`${this.#base}/`)) return
    const found = containerAbove(kill.path.slice(this.#base.length))
    if (found === undefined) return
    const { clock, resources } = this.#settings
    const resource = containerResource(resources, found.identity)
    const run = this.#runs.get(resource) ?? new OomRun('')
    this.#runs.delete(resource)
    if (this.#runs.size >= kMaxContainers) this.#forgetOldest()
    this.#runs.set(resource, run)
    const whose = { unit: String(resource.attributes['service.name']), scope: this.#config.scope, below: found.below }
    run.add(evidenceOf(kill, whose, clock.unixNano()))
    this.#settling ??= clock.after(kSettleMs, () => this.settle())
  }

  #forgetOldest(): void {
    const [resource, run] = this.#runs.entries().next().value!
    this.#runs.delete(resource)
    if (run.state !== 'nothing') this.#tell([this.#event(resource, run.report())])
  }

  #event(resource: Resource, oom: OomReport): RawEvent {
    const { kills, victim, atUsec } = oom
    const name = String(resource.attributes['service.name'])
    const who = victim === undefined ? '' : `, first ${victim.command} (PID ${victim.pid})`
    return {
      timeUnixNano: BigInt(atUsec) * 1000n,
      observedTimeUnixNano: this.#settings.clock.unixNano(),
      name: 'container.oom_killed',
      severity: Severity.error,
      body: `${name} lost ${kills === 1 ? 'a process' : `${kills} processes`} because memory ran out${who}`,
      attributes: attributesOf(oom),
      resource,
    }
  }
}

function attributesOf({ sources, kills, counter, victim, below, peak, limit }: OomReport): Attributes {
  return {
    [attr.evidence]: [...sources],
    'container.oom.kills': kills,
    ...(counter && { 'container.oom.counter.previous': counter.before, 'container.oom.counter': counter.after }),
    ...(victim && {
      'container.oom.victim.pid': victim.pid,
      'container.oom.victim.command': victim.command,
      'container.oom.constraint': victim.limitedBy === '' ? 'global' : 'memcg',
    }),
    ...(victim !== undefined && victim.limitedBy !== '' && { 'container.oom.limited_by': victim.limitedBy }),
    ...(below !== '' && { 'container.oom.cgroup': below }),
    ...(peak !== undefined && { 'container.oom.memory.peak': peak }),
    ...(limit !== undefined && { 'container.oom.memory.limit': limit }),
  }
}

/** The container in whose cgroup, or below it, this is. A pod's own counter tells what those of its containers do. */
function containerAbove(path: string): { readonly identity: ContainerIdentity; readonly below: boolean } | undefined {
  let end = 0
  for (let depth = 0; depth < kMaxDepth && end !== -1; depth++) {
    end = path.indexOf('/', end + 1)
    const own = end === -1 ? path : path.slice(0, end)
    const identity = containerOfCgroup(own)
    if (identity?.containerId !== undefined) return { identity, below: own !== path }
  }
  return undefined
}
