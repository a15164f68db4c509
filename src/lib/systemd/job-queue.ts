/** Starting every unit of a large host at once queues as many; past it the oldest is forgotten, and only its time is unknown. */
const kMaxJobs = 16_384

/**
 * When the jobs that are under way were queued. systemd keeps no time for a job, so it is that of its signal. A job number is
 * given once between two boots.
 */
export class JobQueue {
  /** Oldest first; microseconds since 1970. */
  readonly #queuedUsec = new Map<number, number>()

  queued(jobId: number, realtimeNs: bigint): void {
    this.#queuedUsec.set(jobId, Number(realtimeNs / 1000n))
    if (this.#queuedUsec.size <= kMaxJobs) return
    for (const oldest of this.#queuedUsec.keys()) {
      this.#queuedUsec.delete(oldest)
      return
    }
  }

  /** Undefined for a job that was queued unseen. */
  take(jobId: number): number | undefined {
    const usec = this.#queuedUsec.get(jobId)
    if (usec !== undefined) this.#queuedUsec.delete(jobId)
    return usec
  }
}
