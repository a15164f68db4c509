import type { Pausable } from '../../util/pausable.js'

/**
 * What a detector has learned, as a JSON value. The units are taken one by one while they are written, with pauses in which their
 * owner goes on learning: each is of one moment, all are not.
 */
export interface SavedState {
  readonly [name: string]: unknown
  readonly units: Iterable<unknown>
}

/**
 * Its JSON text, a part for each unit: of thousands of units it is tens of MiB, which takes most of a second. Each has a line of its
 * own, as the rest has; JSON knows no line break within a value, so it can be read again as it was written.
 */
export function* savedText({ units, ...rest }: SavedState): Generator<string, void, undefined> {
  const before = JSON.stringify(rest).slice(0, -1)
  yield `${before}${before === '{' ? '' : ','}"units":[`
  let comma = '\n'
  for (const unit of units) {
    yield comma + JSON.stringify(unit)
    comma = ',\n'
  }
  yield '\n]}'
}

/** The same read back, a unit a step. @throws where it is no such text */
export function* readSavedText(text: Buffer): Pausable<unknown> {
  let at = text.indexOf('\n')
  // Written by an earlier version: all of it is one line.
  if (at < 0) return JSON.parse(text.toString()) as unknown
  const head: unknown = JSON.parse(`${text.toString('utf8', 0, at)}]}`)
  const units: unknown[] = []
  for (;;) {
    const end = text.indexOf('\n', at + 1)
    if (end < 0) break
    const comma = text[end - 1] === 0x2c ? 1 : 0
    units.push(JSON.parse(text.toString('utf8', at + 1, end - comma)))
    at = end
    yield
  }
  if (text.toString('utf8', at + 1) !== ']}') throw new Error('its units have no end')
  return { ...(head as object), units }
}
