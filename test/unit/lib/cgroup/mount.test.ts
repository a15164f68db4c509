import { expect, test } from 'vitest'
import { findCgroupMount } from '../../../../src/lib/cgroup/mount.js'

const unified = '35 24 0:30 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:9 - cgroup2 cgroup2 rw,nsdelegate'
const other = '24 30 0:22 / /sys rw,nosuid shared:7 - sysfs sysfs rw'

test('a unified machine', () => {
  expect(findCgroupMount(`${other}\n${unified}\n`)).toEqual({ path: '/sys/fs/cgroup', hybrid: false })
})

test('a hybrid machine: v1 controllers beside v2', () => {
  const lines = [
    '31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755',
    '35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory',
    '41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw',
  ]
  expect(findCgroupMount(lines.join('\n'))).toEqual({ path: '/sys/fs/cgroup/unified', hybrid: true })
})

test('systemd’s own v1 hierarchy has no controller: not hybrid by itself', () => {
  const named = '36 31 0:33 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd'
  const v2 = '41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw'
  expect(findCgroupMount(`${named}\n${v2}`)?.hybrid).toBe(false)
})

test('a mount at an odd place is found, its blanks unescaped, and the usual place wins', () => {
  const odd = '50 1 0:40 / /mnt/my\\040cgroups\\134x rw - cgroup2 none rw'
  expect(findCgroupMount(odd)?.path).toBe('/mnt/my cgroups\\x')
  expect(findCgroupMount(`${odd}\n${unified}`)?.path).toBe('/sys/fs/cgroup')
})

test.each(['', 'garbage', '1 2 3', ' - cgroup2', `${other}\n`])('no cgroup2 in %j', (text) => {
  expect(findCgroupMount(text)).toBeUndefined()
})

test('in a container the host’s tree, mounted elsewhere, wins over its own, and a part of a tree over neither', () => {
  // As Linux 6.18 shows them to a process in a cgroup namespace two levels down.
  const own = '60 50 0:38 / /sys/fs/cgroup ro,nosuid - cgroup2 cgroup rw'
  const host = '61 50 0:38 /../.. /host/cgroup ro - cgroup2 cgroup2 rw'
  const nearer = '62 50 0:38 /.. /pod/cgroup ro - cgroup2 cgroup2 rw'
  const part = '63 50 0:38 /system.slice /sys/fs/cgroup/unified ro - cgroup2 cgroup2 rw'
  const lines = [part, nearer, own, host]
  expect(findCgroupMount(lines.join('\n'))?.path).toBe('/host/cgroup')
  expect(findCgroupMount([part, own].join('\n'))?.path).toBe('/sys/fs/cgroup')
  expect(findCgroupMount(part)?.path).toBe('/sys/fs/cgroup/unified')
})
