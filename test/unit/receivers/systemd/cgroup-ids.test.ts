import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { CallError } from '../../../../src/lib/systemd/control-plane.js'
import { CgroupIds } from '../../../../src/receivers/systemd/cgroup-ids.js'

// Any directories do: what counts is where they lie, and their inodes.

let root: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'unitscope-cgroups-'))
  for (const path of ['init.scope', 'system.slice/a.service', 'own.slice/b.service'])
    mkdirSync(join(root, path), { recursive: true })
})
afterEach(() => rmSync(root, { recursive: true }))

const inode = (path: string): number => statSync(join(root, path)).ino

/** A systemd that says so of init.scope. */
function saying(id: unknown) {
  return {
    async getProperty(unit: string, iface: string, property: string): Promise<unknown> {
      expect([unit, iface, property]).toEqual(['init.scope', 'org.freedesktop.systemd1.Scope', 'ControlGroupId'])
      if (id instanceof Error) throw id
      return id
    },
  }
}

test('finds units by slice, and those of which none is known where systemd puts them', async () => {
  const ids = new CgroupIds(root, 'system', 0)
  await ids.prove(saying(BigInt(inode('init.scope'))))
  expect(ids.find('b.service', 'own.slice')).toMatchObject({ id: inode('own.slice/b.service'), slice: 'own.slice' })
  expect(ids.find('a.service', '')).toMatchObject({ id: inode('system.slice/a.service'), slice: 'system.slice' })
  expect(ids.find('b.service', '')).toBeUndefined()
  expect(ids.find('gone.service', 'system.slice')).toBeUndefined()
  expect(ids.find('a.timer', 'system.slice')).toBeUndefined()
})

test.each<[what: string, answer: unknown]>([
  ['another systemd', 1n],
  ['one that does not know', new CallError('Get: no such property', 'org.freedesktop.DBus.Error.UnknownProperty')],
  ['one that answers with something else', 'x'],
])('believes no directory when the bus is that of %s', async (_, answer) => {
  const ids = new CgroupIds(root, 'system', 0)
  await ids.prove(saying(BigInt(inode('init.scope'))))
  await ids.prove(saying(answer))
  expect(ids.find('a.service', 'system.slice')).toBeUndefined()
})

test('a bus that is gone is told of, as by every other question', async () => {
  const ids = new CgroupIds(root, 'system', 0)
  await expect(ids.prove(saying(new CallError('the bus closed the connection')))).rejects.toThrow('closed')
})

test('where no cgroup2 is mounted, nobody is asked', async () => {
  const ids = new CgroupIds(undefined, 'system', 0)
  await ids.prove(saying(new Error('asked')))
  expect(ids.find('a.service', 'system.slice')).toBeUndefined()
})
