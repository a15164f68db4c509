import type { Attributes } from '../../data/attributes.js'

/** Who made or manages a container. `kubelet`: a pod, whose containers say their own runtime. `oci`: nobody known. */
export type ContainerRuntime =
  | 'docker'
  | 'containerd'
  | 'cri-o'
  | 'podman'
  | 'kubelet'
  | 'buildkit'
  | 'nspawn'
  | 'lxc'
  | 'oci'

/** What a unit or a cgroup has to do with containers. Neither ID: a daemon, its socket, or the slice of all pods. */
export interface ContainerIdentity {
  readonly runtime: ContainerRuntime
  /** Of a container: 64 hex digits, or the name where the runtime has no IDs (nspawn, lxc). */
  readonly containerId?: string
  /** Of a Kubernetes pod, with dashes as in the API. */
  readonly podUid?: string
}

const daemons = new Map<string, ContainerRuntime>(
  (
    [
      ['docker', 'docker.service docker.socket cri-docker.service cri-docker.socket snap.docker.dockerd.service'],
      ['containerd', 'containerd.service snap.microk8s.daemon-containerd.service'],
      ['cri-o', 'crio.service cri-o.service'],
      ['podman', 'podman.service podman.socket podman-restart.service podman-auto-update.service'],
      // k3s, RKE2 and k0s run kubelet and containerd in one process.
      ['kubelet', 'kubelet.service snap.kubelet-eks.daemon.service snap.microk8s.daemon-kubelite.service'],
      ['kubelet', 'k3s.service k3s-agent.service rke2-server.service rke2-agent.service k0scontroller.service'],
      ['kubelet', 'k0sworker.service'],
      ['buildkit', 'buildkit.service buildkit.socket buildkitd.service'],
    ] as const
  ).flatMap(([runtime, units]) => units.split(' ').map((unit) => [unit, runtime] as const)),
)

/** The runtime a unit belongs to, as `systemd.unit.container_runtime` names it; undefined for any other unit. */
export function recogniseRuntime(unit: string): ContainerRuntime | undefined {
  return containerOfUnit(unit)?.runtime
}

/** Name prefixes of a container's directory or scope. A Map: any user may call a directory `constructor` or `__proto__`. */
const prefixes: ReadonlyMap<string, ContainerRuntime> = new Map([
  ['docker', 'docker'],
  ['cri-containerd', 'containerd'],
  ['nerdctl', 'containerd'],
  ['crio', 'cri-o'],
  ['libpod', 'podman'],
  ['buildkit', 'buildkit'],
])

const scopePattern = /^(docker|cri-containerd|nerdctl|crio|libpod|buildkit)-([0-9a-f]{64})\.scope$/
const conmonPattern = /^(crio|libpod)-conmon-([0-9a-f]{64})\.scope$/
const podmanPodPattern = /^(?:machine|user)-libpod_pod_[0-9a-f]{64}\.slice$/
const podSlicePattern = /^(?:kubelet-)?kubepods(?:-burstable|-besteffort)?(?:-pod([0-9A-Za-z_]{1,64}))?\.slice$/
const nspawnPattern = /^systemd-nspawn@(.+)\.service$/
const machinePattern = /^machine-(.+)\.scope$/
/** libvirt names a machine by driver, a number that counts its starts, and the domain: `qemu-3-web`, `lxc-1-db`. */
const libvirtPattern = /^(qemu|ch|lxc)-(?:embed-[^-]+-)?\d+-(.+)$/

/** Recognises a unit by its name alone; undefined for one that has nothing to do with containers. */
export function containerOfUnit(unit: string): ContainerIdentity | undefined {
  const daemon = daemons.get(unit)
  if (daemon !== undefined) return { runtime: daemon }
  // Most units are services, and all that a failure reaches are asked about.
  if (unit.endsWith('.service')) {
    // The template passes its instance on as it is (--machine=%i); machined escapes the names of its scopes.
    const instance = nspawnPattern.exec(unit)?.[1]
    return instance === undefined ? undefined : { runtime: 'nspawn', containerId: instance }
  }
  const scope = scopePattern.exec(unit)
  if (scope !== null) return { runtime: prefixes.get(scope[1]!)!, containerId: scope[2]! }
  // The monitor process beside a container, not the container.
  const conmon = conmonPattern.exec(unit)
  if (conmon !== null) return { runtime: prefixes.get(conmon[1]!)! }
  const pod = podSlicePattern.exec(unit)
  if (pod !== null) return pod[1] === undefined ? { runtime: 'kubelet' } : podOf(pod[1])
  if (podmanPodPattern.test(unit)) return { runtime: 'podman' }
  const machine = machinePattern.exec(unit)?.[1]
  return machine === undefined ? undefined : containerOfMachine(unescapeUnit(machine))
}

/** What systemd-machined registers: containers of nspawn and libvirt, and virtual machines, which are no containers. */
function containerOfMachine(name: string): ContainerIdentity | undefined {
  const libvirt = libvirtPattern.exec(name)
  if (libvirt === null) return { runtime: 'nspawn', containerId: name }
  return libvirt[1] === 'lxc' ? { runtime: 'lxc', containerId: libvirt[2]! } : undefined
}

const idPattern = /^[0-9a-f]{64}$/
const prefixedPattern = /^(cri-containerd|nerdctl|crio|libpod)-([0-9a-f]{64})$/
/** runc with the cgroupfs driver, given a path in systemd's form: `system.slice:docker:<id>`. */
const colonPattern = /:(docker|cri-containerd|nerdctl|crio|libpod):([0-9a-f]{64})$/
const podPattern = /^pod([0-9A-Za-z_-]{1,64})$/
const lxcPattern = /^lxc\.payload\.(.+)$/

/**
 * Recognises the directory of a whole container or pod that has no unit of its own (cgroupfs driver, lxc).
 * What lies inside a container belongs to it and is not recognised, nested containers included.
 */
export function containerOfCgroup(path: string): ContainerIdentity | undefined {
  const names = path.split('/').slice(1)
  const last = names.length - 1
  // A container's root makes what directories he likes: whatever they are called, they are not counted a second time.
  for (let at = 0; at < last; at++) {
    const id = containerOfUnit(names[at]!)?.containerId ?? containerAt(names, at)?.containerId
    if (id !== undefined) return undefined
  }
  const container = containerAt(names, last)
  if (container !== undefined) return container
  const pod = names[0] === 'kubepods' ? podPattern.exec(names[last]!)?.[1] : undefined
  return pod === undefined ? undefined : podOf(pod)
}

function containerAt(names: readonly string[], at: number): ContainerIdentity | undefined {
  const name = names[at]!
  const parent = names[at - 1]
  if (idPattern.test(name)) {
    const pod = podPattern.exec(parent ?? '')?.[1]
    if (pod !== undefined) return { runtime: 'oci', containerId: name, ...podUid(pod) }
    return { runtime: prefixes.get(parent ?? '') ?? 'oci', containerId: name }
  }
  const named = prefixedPattern.exec(name) ?? colonPattern.exec(name)
  if (named !== null) {
    const pod = podPattern.exec(parent ?? '')?.[1]
    return { runtime: prefixes.get(named[1]!)!, containerId: named[2]!, ...(pod === undefined ? {} : podUid(pod)) }
  }
  // `lxc` is a word anybody uses, so only at the top, where lxc up to 3 put its containers.
  const lxc = (parent === 'lxc' && at === 1) || parent === 'lxc.payload' ? name : lxcPattern.exec(name)?.[1]
  return lxc === undefined ? undefined : { runtime: 'lxc', containerId: lxc }
}

/** Resource attributes of a container or pod, by OTel's conventions. */
export function containerAttributes({ runtime, containerId, podUid }: ContainerIdentity): Attributes {
  return {
    ...(containerId === undefined ? {} : { 'container.id': containerId, 'container.runtime.name': runtime }),
    ...(podUid === undefined ? {} : { 'k8s.pod.uid': podUid }),
  }
}

/**
 * What a unit's resource says about containers, the same whichever receiver sees the unit first; empty for most units.
 * `systemd.unit.container_runtime` marks daemons, sockets and slices too.
 */
export function containerAttributesOfUnit(unit: string): Attributes {
  const identity = containerOfUnit(unit)
  if (identity === undefined) return {}
  return { 'systemd.unit.container_runtime': identity.runtime, ...containerAttributes(identity) }
}

function podOf(uid: string): ContainerIdentity {
  return { runtime: 'kubelet', ...podUid(uid) }
}

/** In slice names a dash separates levels, so the kubelet writes the UID's dashes as underscores. */
function podUid(text: string): { readonly podUid: string } {
  return { podUid: text.replaceAll('_', '-') }
}

/** Undoes systemd-escape(1): `\x2d` is a dash, a dash a slash. */
function unescapeUnit(text: string): string {
  return text.replace(/\\x([0-9a-f]{2})|-/g, (_, hex: string | undefined) =>
    hex === undefined ? '/' : String.fromCharCode(Number.parseInt(hex, 16)),
  )
}
