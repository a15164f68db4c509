import fc from 'fast-check'
import { expect } from 'vitest'
import type { RawEvent } from '../../../../src/data/event.js'

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }

/** What may stand where something else should. */
const odd: fc.Arbitrary<Json> = fc.oneof(
  fc.constantFrom<Json>(null, true, false, '', 'x', [], {}, 0, -1, 1, 0.5, 2 ** 53, -(2 ** 53), 1e300, -1e300, 5e-324),
  fc.double({ noDefaultInfinity: true, noNaN: true }),
  fc.integer({ min: 0, max: 4_000_000_000 }).map((n) => n * 1_000_000),
  fc.string({ maxLength: 8 }),
  fc.constant<Json>('x'.repeat(10_000)),
)

/** A saved state in which one to three values are others, are gone, or are there twice. */
export function mutated(state: Json): fc.Arbitrary<unknown> {
  const paths = pathsOf(state)
  const change = fc.record({
    path: fc.constantFrom(...paths),
    how: fc.constantFrom('replace', 'replace', 'scale', 'remove', 'repeat', 'bend'),
    value: odd,
    factor: fc.double({ min: -2, max: 4, noNaN: true }),
  })
  return fc
    .array(change, { minLength: 1, maxLength: 3 })
    .map((changes) =>
      changes.reduce((now, { path, how, value, factor }) => changed(now, path, how, value, factor), state),
    )
}

function changed(state: Json, path: readonly string[], how: string, value: Json, factor: number): Json {
  const old = valueAt(state, path)
  if (how === 'remove') return withValue(state, path, undefined)
  if (how === 'scale' && typeof old === 'number')
    return withValue(state, path, Number.isInteger(old) ? Math.round(old * factor) : old * factor)
  if (how === 'bend' && typeof old === 'string' && old.length > 0)
    return withValue(state, path, `${old.slice(0, old.length / 2)}/${old.slice(old.length / 2 + 1)}`)
  if (how === 'repeat' && Array.isArray(old))
    return withValue(state, path, [...old, ...Array<Json>(20).fill(old[0] ?? 0)])
  return withValue(state, path, value)
}

export function valueAt(value: Json | undefined, [key, ...rest]: readonly string[]): Json | undefined {
  if (key === undefined) return value
  if (typeof value !== 'object' || value === null) return undefined
  return valueAt((value as Readonly<Record<string, Json>>)[key], rest)
}

/** The same with another value there, or none; a copy. */
export function withValue(value: Json, [key, ...rest]: readonly string[], put: Json | undefined): Json {
  if (key === undefined || typeof value !== 'object' || value === null) return key === undefined ? (put ?? null) : value
  const entries = Object.entries(value).flatMap(([name, inner]): (readonly [string, Json])[] => {
    if (name !== key) return [[name, inner as Json]]
    return rest.length === 0 && put === undefined ? [] : [[name, withValue(inner as Json, rest, put)]]
  })
  return Array.isArray(value) ? entries.map(([, inner]) => inner) : Object.fromEntries(entries)
}

function pathsOf(value: Json, path: readonly string[] = []): (readonly string[])[] {
  const own = path.length === 0 ? [] : [path]
  if (typeof value !== 'object' || value === null) return own
  return [...own, ...Object.entries(value).flatMap(([key, inner]) => pathsOf(inner as Json, [...path, key]))]
}

/** An event whose every number is one, and that says nothing that nobody can read. */
export function expectPlain(event: RawEvent): void {
  expect(event.timeUnixNano > 0n && event.timeUnixNano < 2n ** 63n).toBe(true)
  expect(event.body).not.toMatch(/NaN|Infinity|undefined|null/)
  for (const [name, value] of Object.entries(event.attributes)) {
    if (typeof value === 'number') expect(Number.isFinite(value), name).toBe(true)
    else expect(['string', 'boolean', 'object'], name).toContain(typeof value)
  }
  expect(event.attributes['pattern.confidence']).toBeGreaterThanOrEqual(0)
  expect(event.attributes['pattern.confidence']).toBeLessThanOrEqual(1)
}
