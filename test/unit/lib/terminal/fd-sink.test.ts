import { execFileSync } from 'node:child_process'
import { closeSync, constants, mkdtempSync, openSync, readFileSync, readSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createBoundedWriter } from '../../../../src/lib/terminal/bounded-writer.js'
import { openFdSink } from '../../../../src/lib/terminal/fd-sink.js'
import { settle } from '../../../../src/testkit/fake-clock.js'
import { systemClock } from '../../../../src/util/clock.js'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'unitscope-fd-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

test('a pipe nobody reads stops neither the event loop nor the shutdown; what fits arrives whole and in order', async () => {
  const path = join(folder, 'pipe')
  execFileSync('/usr/bin/mkfifo', [path])
  const shared = openSync(path, constants.O_RDWR)
  const sink = await openFdSink(shared, systemClock)
  const writer = createBoundedWriter(sink.write, 2 ** 20, systemClock)
  const lines = Array.from({ length: 4000 }, (_, n) => `line ${n} ${'.'.repeat(50)}`)
  for (const line of lines) expect(writer.line(line)).toBe(true) // 240 kB; a pipe holds 64
  await settle() // the loop turns while the pipe is full
  let read = ''
  const buffer = Buffer.alloc(65_536)
  // Not through `shared`: reading an empty pipe there would block the loop that has to fill it.
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  while (!read.endsWith(`${lines.at(-1)}\n`)) {
    read += buffer.subarray(0, readNow(reader, buffer)).toString()
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
  await writer.close(1000)
  expect(read.split('\n').slice(0, -1)).toEqual(lines)

  for (const line of lines) {
    const again = createBoundedWriter(sink.write, 100, systemClock)
    again.line(line)
    break
  }
  const stuck = createBoundedWriter(sink.write, 2 ** 20, systemClock)
  for (const line of lines) stuck.line(line)
  expect(await stuck.close(50)).toBeGreaterThan(0)
  expect(stuck.line('late')).toBe(false)
  await sink.close()
  closeSync(reader)
  closeSync(shared)
})

/** Bytes read; 0 when there is nothing yet. */
function readNow(fd: number, buffer: Buffer): number {
  try {
    return readSync(fd, buffer)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return 0
    throw error
  }
}

test('a file is written through the fd as it is, behind what others wrote with it', async () => {
  const path = join(folder, 'out')
  const fd = openSync(path, 'w')
  const sink = await openFdSink(fd, systemClock)
  execFileSync('/bin/sh', ['-c', 'echo before'], { stdio: ['ignore', fd, 'ignore'] })
  await sink.write(Buffer.from('ours\n'))
  await sink.close()
  execFileSync('/bin/sh', ['-c', 'echo after'], { stdio: ['ignore', fd, 'ignore'] })
  closeSync(fd)
  expect(readFileSync(path, 'utf8')).toBe('before\nours\nafter\n')
})
