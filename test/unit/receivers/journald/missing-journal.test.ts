import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { missingJournal } from '../../../../src/receivers/journald/missing-journal.js'

const machine = '0123456789abcdef0123456789abcdef'
let root: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'unitscope-journal-'))
})
afterEach(() => rmSync(root, { recursive: true }))

test('no folder, and one without a file, are no journal', () => {
  const [kept, volatile] = [join(root, 'var'), join(root, 'run')]
  expect(missingJournal([kept, volatile])).toMatch(/^no journal here: in a container mount/)
  mkdirSync(kept)
  expect(missingJournal([kept, volatile])).toMatch(`no journal files in ${kept}: in a container mount`)
  mkdirSync(join(kept, machine))
  expect(missingJournal([kept, volatile])).toContain('no journal files')
  writeFileSync(join(kept, machine, 'system.journal'), '')
  expect(missingJournal([kept, volatile])).toBeUndefined()
})

// Root may read all there is, whatever its mode: a link to nothing stands for what cannot be read.
test('files that cannot be read are told of with the group; one that can is enough', () => {
  mkdirSync(join(root, machine))
  symlinkSync('/nonexistent', join(root, machine, 'system.journal'))
  expect(missingJournal([root])).toBe(`${root} cannot be read: run the agent with the group systemd-journal`)
  writeFileSync(join(root, machine, 'user-1000.journal'), '')
  expect(missingJournal([root])).toBeUndefined()
})
