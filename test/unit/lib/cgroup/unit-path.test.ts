import { expect, test } from 'vitest'
import { unitOfCgroup, userManagerCgroup } from '../../../../src/lib/cgroup/unit-path.js'

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
