import { expect, test } from 'vitest'
import {
  cgroupOfUnit,
  defaultSlice,
  ownerOfCgroup,
  unitOfCgroup,
  userManagerCgroup,
} from '../../../../src/lib/cgroup/unit-path.js'

test.each([
  ['/', '-.slice', 'slice'],
  ['/init.scope', 'init.scope', 'scope'],
  ['/system.slice', 'system.slice', 'slice'],
  ['/system.slice/nginx.service', 'nginx.service', 'service'],
  ['/system.slice/system-getty.slice/getty@tty1.service', 'getty@tty1.service', 'service'],
  ['/user.slice/user-1000.slice/user@1000.service', 'user@1000.service', 'service'],
  ['/system.slice/_cpu.service', 'cpu.service', 'service'],
  ['/system.slice/__odd.service', '_odd.service', 'service'],
  ['/system.slice/dev-disk\\x2dby.swap', 'dev-disk\\x2dby.swap', 'swap'],
  ['/kubepods.slice/kubepods-pod1.slice/cri-containerd-1.scope', 'cri-containerd-1.scope', 'scope'],
])('%s is the ControlGroup of %s', (path, unit, type) => {
  expect(unitOfCgroup(path)).toEqual({ unit, type })
})

test.each([
  // Made by the service itself, or by a systemd inside it: another unit may bear the name.
  '/system.slice/nginx.service/worker',
  '/system.slice/nginx.service/a.service',
  '/user.slice/user-1000.slice/user@1000.service/app.slice/dbus.service',
  '/machine.slice/systemd-nspawn@web.service/payload/system.slice/cron.service',
  '/docker/0123/system.slice/cron.service',
  '/lxc.payload.web/system.slice',
  '/docker',
  '/.service',
  '/system.slice/',
  `/system.slice/${'x'.repeat(248)}.service`,
  '',
])('"%s" is no unit of the system manager', (path) => {
  expect(unitOfCgroup(path)).toBeUndefined()
})

test('a user manager has its own units, below its own cgroup', () => {
  const base = userManagerCgroup(1000)
  expect(unitOfCgroup(`${base}/app.slice/dbus.service`, base)?.unit).toBe('dbus.service')
  expect(unitOfCgroup(`${base}/init.scope`, base)?.unit).toBe('init.scope')
  expect(unitOfCgroup('/system.slice/dbus.service', base)).toBeUndefined()
  expect(unitOfCgroup(base, base)).toBeUndefined()
  expect(unitOfCgroup('/', base)).toBeUndefined()
})

test.each([
  ['nginx.service', 'system.slice', '/system.slice/nginx.service'],
  ['getty@tty1.service', 'system-getty.slice', '/system.slice/system-getty.slice/getty@tty1.service'],
  ['x.service', 'a-b-c.slice', '/a.slice/a-b.slice/a-b-c.slice/x.service'],
  ['init.scope', '-.slice', '/init.scope'],
  ['a-b.slice', 'a.slice', '/a.slice/a-b.slice'],
  ['cpu.service', 'system.slice', '/system.slice/_cpu.service'],
  ['cpufreq.service', 'system.slice', '/system.slice/cpufreq.service'],
  ['_odd.service', 'system.slice', '/system.slice/__odd.service'],
  ['x.service', 'memory.slice', '/_memory.slice/x.service'],
])('the cgroup of %s in %s is %s, and the way back leads to it', (unit, slice, path) => {
  expect(cgroupOfUnit(unit, slice)).toBe(path)
  expect(unitOfCgroup(path)?.unit).toBe(unit)
})

test.each([
  ['nginx.service', 'system', 'system.slice'],
  ['getty@tty1.service', 'system', 'system-getty.slice'],
  ['my-app@1.service', 'system', 'system-my\\x2dapp.slice'],
  ['a-b-c.slice', 'system', 'a-b.slice'],
  ['a.slice', 'system', '-.slice'],
  ['nginx.service', 'user', 'app.slice'],
  ['my-app@1.service', 'user', 'app-my\\x2dapp.slice'],
] as const)('%s of a %s manager is in %s unless told otherwise', (unit, scope, slice) => {
  expect(defaultSlice(unit, scope)).toBe(slice)
})

test.each([
  ['/system.slice/nginx.service', 'nginx.service', ''],
  ['/init.scope', 'init.scope', ''],
  ['/system.slice/nginx.service/worker/a.service', 'nginx.service', '/worker/a.service'],
  ['/system.slice/_cpu.service/x', 'cpu.service', '/x'],
  [
    '/user.slice/user-1000.slice/user@1000.service/app.slice/dbus.service',
    'user@1000.service',
    '/app.slice/dbus.service',
  ],
  ['/kubepods.slice/kubepods-pod1.slice/cri-containerd-1.scope/init', 'cri-containerd-1.scope', '/init'],
])('%s is of %s', (path, unit, below) => {
  expect(ownerOfCgroup(path)).toMatchObject({ unit, below })
})

test.each(['/', '', '/system.slice', '/docker/0123', '/docker/0123/system.slice/cron.service', '/system.slice/'])(
  '"%s" is of no unit',
  (path) => {
    expect(ownerOfCgroup(path)).toBeUndefined()
  },
)

test('what a user manager made is of its own units for it', () => {
  const base = userManagerCgroup(1000)
  expect(ownerOfCgroup(`${base}/app.slice/web.service/box`, base)).toMatchObject({ unit: 'web.service', below: '/box' })
  expect(ownerOfCgroup('/system.slice/web.service', base)).toBeUndefined()
})
