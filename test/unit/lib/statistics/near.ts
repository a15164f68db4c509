import { expect } from 'vitest'

/** Equal within a relative error, which an absolute tolerance would hide for a p-value of 1e-40. */
export function near(actual: number, expected: number, relative = 1e-12): void {
  const error = Math.abs(actual - expected) / Math.max(Math.abs(expected), Number.MIN_VALUE)
  expect(error, `${actual} is not ${expected}`).toBeLessThanOrEqual(relative)
}

/** ∫ f from `a` to `b` by Simpson's rule: the definition, where a closed form is tested. */
export function integral(f: (x: number) => number, a: number, b: number, steps = 4000): number {
  const h = (b - a) / steps
  let sum = f(a) + f(b)
  for (let i = 1; i < steps; i++) sum += (i % 2 === 0 ? 2 : 4) * f(a + i * h)
  return (sum * h) / 3
}

/** Numbers in [0, 1) that are the same each time: a test that fails at random tells nothing. */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}
