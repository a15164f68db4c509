/**
 * What a detector has learned, as a JSON value. The units are taken one by one while they are written, with pauses in which their
 * owner goes on learning: each is of one moment, all are not.
 */
export interface SavedState {
  readonly [name: string]: unknown
  readonly units: Iterable<unknown>
}

/** Its JSON text, a part for each unit: of thousands of units it is tens of MiB, which takes most of a second. */
export function* savedText({ units, ...rest }: SavedState): Generator<string, void, undefined> {
  const before = JSON.stringify(rest).slice(0, -1)
  yield `${before}${before === '{' ? '' : ','}"units":[`
  let comma = ''
  for (const unit of units) {
    yield comma + JSON.stringify(unit)
    comma = ','
  }
  yield ']}'
}
