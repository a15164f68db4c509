/**
 * Results of a job that did not do what it was for, and that nobody took back (`JobResult` of systemd's job.h; `frozen` came with systemd 256,
 * `concurrency` with 257). Left out are `done`, `skipped`, `canceled`, `collected` and `invalid`, a reload of what does not run.
 */
const failed: ReadonlySet<unknown> = new Set([
  'failed',
  'timeout',
  'dependency',
  'assert',
  'unsupported',
  'once',
  'frozen',
  'concurrency',
])

export function isFailedJob(result: unknown): boolean {
  return failed.has(result)
}
