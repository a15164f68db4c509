import { closeSync, fstatSync, mkdtempSync, openSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { isJournalStream, marked } from '../../../src/util/journal-stream.js'

test('JOURNAL_STREAM counts for the socket it names, not for whoever has inherited it with another standard error', () => {
  const folder = mkdtempSync(join(tmpdir(), 'unitscope-stream-'))
  const [one, other] = ['a', 'b'].map((name) => openSync(join(folder, name), 'w')) as [number, number]
  const { dev, ino } = fstatSync(one)
  const env = { JOURNAL_STREAM: `${dev}:${ino}` }
  expect([one, other, 1_000_000].map((fd) => isJournalStream(fd, env))).toEqual([true, false, false])
  for (const JOURNAL_STREAM of [undefined, '', `${ino}`, `${dev}:`, `${dev}:${ino} `])
    expect(isJournalStream(one, { JOURNAL_STREAM })).toBe(false)
  for (const fd of [one, other]) closeSync(fd)
  rmSync(folder, { recursive: true })
})

test('each line of a text is marked, and nothing behind the last', () => {
  expect(marked('error', 'a\nb\n')).toBe('<3>a\n<3>b\n')
})
