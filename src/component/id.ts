export type Kind = 'receiver' | 'processor' | 'exporter' | 'extension'

/** A component as YAML names it: `type` or `type/name`, both lower snake case. */
export interface ComponentId {
  readonly kind: Kind
  readonly type: string
  /** The whole id, e.g. `otlp/backup`. */
  readonly id: string
}

const kMaxIdLength = 128
const idPattern = /^([a-z][a-z0-9_]*)(\/[A-Za-z0-9][A-Za-z0-9_.-]*)?$/

/** Splits an id into type and name; undefined when it does not have the form. */
export function parseComponentId(kind: Kind, text: string): ComponentId | undefined {
  const match = text.length <= kMaxIdLength ? idPattern.exec(text) : null
  return match === null ? undefined : { kind, type: match[1]!, id: text }
}
