/**
 * Attribute values as OTLP knows them. A JavaScript number that is an integer is exported as int, any other as double;
 * a bigint is always an int.
 */
export type AttributeValue = string | number | bigint | boolean | readonly string[]
export type Attributes = Readonly<Record<string, AttributeValue>>
