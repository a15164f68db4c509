import { setImmediate as nextTurn } from 'node:timers/promises'

/** Long work in steps: it pauses wherever it yields. */
export type Pausable<T> = Generator<void, T, undefined>

/** How long a turn of the event loop works on it: well below the 20 ms that nothing should exceed. */
const kTurnMs = 8

/** Does it to its end, leaving the event loop to others after each 8 ms. */
export async function inTurns<T>(work: Pausable<T>, nowMs: () => number): Promise<T> {
  for (;;) {
    const startMs = nowMs()
    do {
      const step = work.next()
      if (step.done === true) return step.value
    } while (nowMs() - startMs < kTurnMs)
    await nextTurn()
  }
}

/** Does it at once. */
export function atOnce<T>(work: Pausable<T>): T {
  for (;;) {
    const step = work.next()
    if (step.done === true) return step.value
  }
}
