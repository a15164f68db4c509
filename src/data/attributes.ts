/**
 * Attribute values as OTLP knows them. A JavaScript number that is an integer is exported as int, any other as double;
 * a bigint is always an int.
 */
export type AttributeValue = string | number | bigint | boolean | readonly string[] | EncodedValue
export type Attributes = Readonly<Record<string, AttributeValue>>

/**
 * A value that another program sent and that has no form of its own here: a map, bytes, a list not of strings only, a double
 * without a fraction, nothing at all. It is passed on as it came (decision 0300); what is not OTLP sees its text.
 */
export class EncodedValue {
  /** AnyValue of OTLP in protobuf, a character for each byte. */
  readonly fields: string
  /** The number, where it is a double without a fraction. */
  readonly integer: number | undefined
  readonly #textOf: (fields: string) => string

  /** @param textOf - JSON of the value */
  constructor(fields: string, textOf: (fields: string) => string, integer?: number) {
    this.fields = fields
    this.integer = integer
    this.#textOf = textOf
  }

  toString(): string {
    return this.#textOf(this.fields)
  }

  toJSON(): unknown {
    return JSON.parse(this.toString())
  }
}

/** Fields of a protobuf message, a character for each byte: what the records here have no place for, as it came. */
export type EncodedFields = string
