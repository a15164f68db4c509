// The reader of the agent's `file` exporter: how old events are when an exporter has written them, with no server behind it.
import { closeSync, mkdtempSync, openSync, readSync, rmSync, watch } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const kChunkBytes = 1024 * 1024
/** A run of 350 events a second for ten seconds is below 5 MiB of lines. */
const kMaxBytes = 256 * 2 ** 20

/** Starts one. `path` is for the exporter; `close()` removes it. */
export function startFileSink() {
  const folder = mkdtempSync(join(tmpdir(), 'unitscope-bench-'))
  const path = join(folder, 'events.jsonl')
  const fd = openSync(path, 'a+', 0o600)
  let chunks = []
  let at = 0
  const read = () => {
    // As sink-process.mjs: milliseconds since 1970 with the microseconds in the fraction.
    const atMs = performance.timeOrigin + performance.now()
    for (;;) {
      const chunk = Buffer.alloc(kChunkBytes)
      const size = readSync(fd, chunk, 0, kChunkBytes, at)
      if (size === 0) return
      at += size
      if (at > kMaxBytes) throw new Error('the file sink holds too much')
      chunks.push({ atMs, bytes: Buffer.from(chunk.subarray(0, size)) })
    }
  }
  const watcher = watch(path, read)
  return {
    path,
    /** Forgets what came until now. */
    clear() {
      read()
      chunks = []
    },
    /** Of each event since `clear`: `[name, msSinceItHappened, msSinceItWasRead]`, as `take()` of sink.mjs has them. */
    take() {
      read()
      const events = linesOf(chunks).flatMap(({ atMs, text }) => eventsOf(text, atMs))
      chunks = []
      return { events }
    },
    close() {
      watcher.close()
      closeSync(fd)
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** Whole lines, each with the time at which its end was there. */
function linesOf(chunks) {
  const lines = []
  let begun = Buffer.alloc(0)
  for (const { atMs, bytes } of chunks) {
    const all = Buffer.concat([begun, bytes])
    const end = all.lastIndexOf(10) + 1
    for (const text of all.subarray(0, end).toString().split('\n')) if (text !== '') lines.push({ atMs, text })
    begun = all.subarray(end)
  }
  return lines
}

function eventsOf(line, atMs) {
  const since = (nanos) => atMs - Number(BigInt(nanos) / 1000n) / 1000
  return (JSON.parse(line).resourceLogs ?? []).flatMap(({ scopeLogs }) =>
    scopeLogs.flatMap(({ logRecords }) =>
      logRecords.map(({ eventName, timeUnixNano, observedTimeUnixNano }) => [
        eventName,
        since(timeUnixNano),
        since(observedTimeUnixNano),
      ]),
    ),
  )
}
