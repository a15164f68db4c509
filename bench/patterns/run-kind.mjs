import { readdirSync } from 'node:fs'
import { day, kStartMs, Machine } from './machine.mjs'
import { judgeScenario, Score } from './score.mjs'

const kinds = new URL('kinds/', import.meta.url)
const kPerFamily = 25
/** So that families do not share their chances, and adding one changes no other. */
const seedOf = (family, n) =>
  [...family].reduce((sum, c) => (Math.imul(sum, 31) + c.charCodeAt(0)) >>> 0, 17) + n * 7919

/** @returns {Promise<import('./kind.d.mts').Kind[]>} */
export async function loadKinds() {
  const files = readdirSync(kinds)
    .filter((name) => name.endsWith('.mjs'))
    .sort()
  return Promise.all(files.map(async (file) => (await import(new URL(file, kinds).href)).default))
}

/**
 * All scenarios of a kind, told to the product's processor or to the baseline.
 *
 * @param {import('./kind.d.mts').Kind} kind
 * @param {Awaited<ReturnType<typeof import('./machine.mjs').loadParts>>} parts
 * @param {(machine: Machine) => Promise<readonly import('./kind.d.mts').Found[]> | readonly import('./kind.d.mts').Found[]} find
 * @param {{perFamily?: number, oneOfEach?: boolean, onWrong?: (text: string) => void}} [options] `oneOfEach`: a single scenario in
 *   which there is something to be found, and one in which there is not
 */
export async function runKind(
  kind,
  parts,
  find,
  { perFamily = kind.perFamily ?? kPerFamily, oneOfEach = false, onWrong } = {},
) {
  const score = new Score()
  const had = new Set()
  // What must not be found stands at the end: the second that is looked at is most often the other of the two.
  const families = oneOfEach ? [kind.families[0], ...kind.families.toReversed()] : kind.families
  for (const family of families)
    for (let n = 0; n < perFamily && !(oneOfEach && had.size === 2); n++) {
      const startMs = kStartMs + (kind.startsOnAnyDay ? (n % 7) * day : 0)
      const machine = new Machine(parts, seedOf(family.name, n), startMs)
      const expected = [family.make(machine) ?? []].flat()
      if (oneOfEach && had.has(expected.length > 0)) continue
      had.add(expected.length > 0)
      const verdict = judgeScenario(await find(machine), expected)
      score.add(family.name, verdict, expected.length, machine.lengthMs * machine.services.length)
      for (const { unit, kind: sort, atMs } of verdict.wrong)
        onWrong?.(`${family.name} #${n}: false ${sort} of ${unit} at ${Math.round(atMs / 1000)} s`)
      for (const { unit, fromMs } of verdict.missed)
        onWrong?.(`${family.name} #${n}: missed ${unit}, which could be known at ${Math.round(fromMs / 1000)} s`)
    }
  return score
}

/** The product's way: the pattern events of its own processors. */
export function productWay(kind, replayer, names) {
  const chain = [...(kind.before ?? []).map((type) => ({ type })), { type: kind.id, config: kind.config }]
  const wanted = kind.event ?? `pattern.${kind.id}.detected`
  return async (machine) => {
    const found = []
    for (const event of await replayer.tell(machine, chain)) {
      if (event.name !== wanted) continue
      const due = (name) => Number(event.attributes[`pattern.${kind.id}.${name}`]) / 1000 - machine.startMs
      found.push({
        ...(event.attributes[`pattern.${kind.id}.lower_usec`] === undefined
          ? {}
          : { earliestMs: due('lower_usec'), latestMs: due('upper_usec') }),
        unit: event.attributes[names.unit],
        kind: event.attributes['pattern.kind'],
        atMs: Number(event.timeUnixNano) / 1e6 - machine.startMs,
      })
    }
    return found
  }
}
