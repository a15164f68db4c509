import { closeSync, openSync } from 'node:fs'
import { expect, test } from 'vitest'
import { describeEnding, JournalctlProcess } from '../../../../src/lib/journal/journalctl.js'

/** Takes every file descriptor that this process may have, calls, and gives them back. */
function withoutDescriptors<T>(call: () => T): T {
  const taken: number[] = []
  try {
    for (;;) taken.push(openSync('/dev/null', 'r'))
  } catch {
    return call()
  } finally {
    for (const fd of taken) closeSync(fd)
  }
}

async function outputOf({ output }: JournalctlProcess): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of output) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

test('a process that was not started for want of file descriptors has ended, and ends nothing else', async () => {
  const child = withoutDescriptors(() => new JournalctlProcess('/bin/echo', ['x']))
  expect(await outputOf(child)).toBe('')
  child.kill()
  expect(describeEnding(await child.ended)).toMatch(/EMFILE.*it could not be started/)
  expect(await outputOf(new JournalctlProcess('/bin/echo', ['x']))).toBe('x\n')
}, 60_000) // a million descriptors, where so many are allowed

test('one that is not there has ended, too', async () => {
  const child = new JournalctlProcess('/nonexistent/journalctl', [])
  expect(await outputOf(child).catch(() => '')).toBe('')
  child.kill()
  expect(describeEnding(await child.ended)).toMatch(/ENOENT.*it could not be started/)
})
