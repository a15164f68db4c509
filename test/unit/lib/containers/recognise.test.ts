import { expect, test } from 'vitest'
import {
  containerAttributesOfUnit,
  containerOfCgroup,
  containerOfUnit,
  recogniseRuntime,
} from '../../../../src/lib/containers/recognise.js'
import { attr } from '../../../../src/lib/systemd/names.js'

const id = '4f2c6d9e8b1a7035'.repeat(4)
const inner = id.split('').reverse().join('')
const uid = '8f6f2b2a-3c4d-4e5f-9a0b-1c2d3e4f5a6b'
const uidInSlice = uid.replaceAll('-', '_')

test.each([
  ['docker.service', { runtime: 'docker' }],
  ['docker.socket', { runtime: 'docker' }],
  ['containerd.service', { runtime: 'containerd' }],
  ['crio.service', { runtime: 'cri-o' }],
  ['kubelet.service', { runtime: 'kubelet' }],
  ['k3s-agent.service', { runtime: 'kubelet' }],
  ['podman.socket', { runtime: 'podman' }],
  ['buildkitd.service', { runtime: 'buildkit' }],
  [`docker-${id}.scope`, { runtime: 'docker', containerId: id }],
  [`cri-containerd-${id}.scope`, { runtime: 'containerd', containerId: id }],
  [`nerdctl-${id}.scope`, { runtime: 'containerd', containerId: id }],
  [`crio-${id}.scope`, { runtime: 'cri-o', containerId: id }],
  [`libpod-${id}.scope`, { runtime: 'podman', containerId: id }],
  [`libpod-conmon-${id}.scope`, { runtime: 'podman' }],
  [`crio-conmon-${id}.scope`, { runtime: 'cri-o' }],
  [`machine-libpod_pod_${id}.slice`, { runtime: 'podman' }],
  ['kubepods.slice', { runtime: 'kubelet' }],
  ['kubepods-burstable.slice', { runtime: 'kubelet' }],
  [`kubepods-pod${uidInSlice}.slice`, { runtime: 'kubelet', podUid: uid }],
  [`kubepods-besteffort-pod${uidInSlice}.slice`, { runtime: 'kubelet', podUid: uid }],
  // Static pods have a hash as UID.
  [
    'kubepods-burstable-pod0123456789abcdef0123456789abcdef.slice',
    { runtime: 'kubelet', podUid: '0123456789abcdef0123456789abcdef' },
  ],
  [`kubelet-kubepods-burstable-pod${uidInSlice}.slice`, { runtime: 'kubelet', podUid: uid }],
  // The template says --machine=%i: the instance as it stands. Only machined escapes what it is given.
  ['systemd-nspawn@web-1.service', { runtime: 'nspawn', containerId: 'web-1' }],
  ['machine-web\\x2d1.scope', { runtime: 'nspawn', containerId: 'web-1' }],
  ['machine-qemubuilder.scope', { runtime: 'nspawn', containerId: 'qemubuilder' }],
  ['machine-qemu\\x2dci.scope', { runtime: 'nspawn', containerId: 'qemu-ci' }],
  ['machine-lxc\\x2d3\\x2ddb\\x2d1.scope', { runtime: 'lxc', containerId: 'db-1' }],
])('the unit %s is recognised', (unit, expected) => {
  expect(containerOfUnit(unit)).toEqual(expected)
})

test.each([
  'nginx.service',
  'dockerish.service',
  'docker.service.d',
  'docker-proxy.service',
  `docker-${id.slice(1)}.scope`,
  `docker-${id.toUpperCase()}.scope`,
  `docker-${id}.service`,
  `xdocker-${id}.scope`,
  'kubepods-extra.slice',
  'kubepods-burstable-pod.slice',
  'machine.slice',
  'machine-qemu\\x2d1\\x2dvm.scope',
  'machine-ch\\x2d12\\x2dvm.scope',
  'systemd-nspawn@.service',
  '',
])('the unit "%s" is none', (unit) => {
  expect(containerOfUnit(unit)).toBeUndefined()
})

test.each([
  [`/docker/${id}`, { runtime: 'docker', containerId: id }],
  [`/docker/buildkit/${id}`, { runtime: 'buildkit', containerId: id }],
  [`/kubepods/pod${uid}`, { runtime: 'kubelet', podUid: uid }],
  [`/kubepods/burstable/pod${uid}`, { runtime: 'kubelet', podUid: uid }],
  [`/kubepods/burstable/pod${uid}/${id}`, { runtime: 'oci', containerId: id, podUid: uid }],
  [`/kubepods/besteffort/pod${uid}/crio-${id}`, { runtime: 'cri-o', containerId: id, podUid: uid }],
  [`/libpod_parent/libpod-${id}`, { runtime: 'podman', containerId: id }],
  [`/system.slice:docker:${id}`, { runtime: 'docker', containerId: id }],
  [
    `/system.slice/containerd.service/kubepods-burstable-pod${uidInSlice}.slice:cri-containerd:${id}`,
    { runtime: 'containerd', containerId: id },
  ],
  [`/ecs/task-1/${id}`, { runtime: 'oci', containerId: id }],
  // Directories a user may make below a delegated unit: words that mean something to JavaScript are plain names.
  ...['constructor', '__proto__', 'toString', 'hasOwnProperty'].map(
    (name) =>
      [`/user.slice/user-1000.slice/user@1000.service/${name}/${id}`, { runtime: 'oci', containerId: id }] satisfies [
        string,
        unknown,
      ],
  ),
  ['/lxc/web', { runtime: 'lxc', containerId: 'web' }],
  ['/lxc.payload.web', { runtime: 'lxc', containerId: 'web' }],
])('the cgroup %s is a whole container or pod', (path, expected) => {
  expect(containerOfCgroup(path)).toEqual(expected)
})

test.each([
  '/',
  '/docker',
  '/kubepods',
  '/kubepods/burstable',
  `/docker/${id}/system.slice`,
  `/docker/${id}/docker/${inner}`,
  // A container may have a scope or a service of its own; what its root makes inside is no second container.
  ...[`docker-${id}.scope`, `cri-containerd-${id}.scope`, 'machine-web.scope', 'systemd-nspawn@web.service'].flatMap(
    (outer) =>
      [
        `docker/${inner}`,
        `kubepods/burstable/pod${uid}`,
        `kubepods/burstable/pod${uid}/${inner}`,
        `system.slice:docker:${inner}`,
        'lxc/web',
        'lxc.payload.web',
      ].map((made) => `/system.slice/${outer}/${made}`),
  ),
  `/kubepods.slice/kubepods-pod${uidInSlice}.slice/crio-${id}.scope/${inner}`,
  '/system.slice/foo.service/lxc/web',
  '/lxc.payload.web/system.slice/cron.service',
  '/lxc.monitor.web',
  '/system.slice/nginx.service',
  '/system.slice/podinfo',
  '/mypods/pod1',
])('the cgroup %s is none, or part of one', (path) => {
  expect(containerOfCgroup(path)).toBeUndefined()
})

test('a container of a unit carries its ID by the conventions, a daemon only says whose it is', () => {
  expect(containerAttributesOfUnit(`docker-${id}.scope`)).toEqual({
    [attr.containerRuntime]: 'docker',
    'container.id': id,
    'container.runtime.name': 'docker',
  })
  expect(containerAttributesOfUnit('docker.service')).toEqual({ [attr.containerRuntime]: 'docker' })
  expect(containerAttributesOfUnit(`kubepods-pod${uidInSlice}.slice`)).toEqual({
    [attr.containerRuntime]: 'kubelet',
    'k8s.pod.uid': uid,
  })
  expect(containerAttributesOfUnit('nginx.service')).toEqual({})
  expect(recogniseRuntime('docker.service')).toBe('docker')
  expect(recogniseRuntime('nginx.service')).toBeUndefined()
})
