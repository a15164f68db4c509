/**
 * The schema language of component configurations: the part of JSON Schema 2020-12 that `ConfigOf` can turn into a type.
 * One object per component gives type, defaults, validation (src/config) and the reference page.
 *
 * Strings of format `duration` and `size` reach the component as numbers (milliseconds, bytes); format `secret` is a
 * string that is never printed; format `cel` is a CEL expression, compiled by its component. `wall_time` (`22:00`) and
 * `time_zone` (`Europe/Berlin`) stay text, as does `extension`, the id of one that `service.extensions` lists, and as do
 * paths (`PathFormat`).
 */
export type Schema = StringSchema | NumberSchema | BooleanSchema | ArraySchema | MapSchema | ObjectSchema | UnionSchema

/**
 * Paths of this machine that are looked at before anything starts; `validate` warns of those that would not do
 * (`CFG_ENVIRONMENT`, decision 0320). `secret_file`, `key_file` (PEM) and `certificate_file` are read as src/config/credential.ts
 * does, `existing_file` is any other that is read; of `output_file` the folder must be there, and `state_folder` is made in one
 * that is; so is `private_folder`, which like the one above it must be ours alone (src/util/own-folder.ts).
 */
export type PathFormat =
  | 'existing_file'
  | 'secret_file'
  | 'key_file'
  | 'certificate_file'
  | 'output_file'
  | 'state_folder'
  | 'private_folder'

interface Head {
  /** What it does and when to change it: becomes the reference text. */
  readonly description: string
}
export interface StringSchema extends Head {
  readonly type: 'string'
  readonly format?:
    | 'duration'
    | 'size'
    | 'secret'
    | 'cel'
    | 'endpoint'
    | 'wall_time'
    | 'time_zone'
    | 'extension'
    | PathFormat
  readonly enum?: readonly string[]
  readonly pattern?: string
  /** What `pattern` asks for, in words that follow "is not". */
  readonly form?: string
  readonly minLength?: number
  readonly maxLength?: number
  readonly default?: string
}
export interface NumberSchema extends Head {
  readonly type: 'integer' | 'number'
  readonly minimum?: number
  readonly maximum?: number
  readonly default?: number
}
export interface BooleanSchema extends Head {
  readonly type: 'boolean'
  readonly default?: boolean
}
export interface ArraySchema extends Head {
  readonly type: 'array'
  readonly items: Schema
  readonly minItems?: number
  readonly maxItems?: number
  readonly default?: readonly unknown[]
}
/** Keys chosen by the user (header names, attribute names). */
export interface MapSchema extends Head {
  readonly type: 'object'
  readonly additionalProperties: Schema
  readonly maxProperties?: number
  readonly default?: Readonly<Record<string, unknown>>
}
/** Fixed keys; unknown ones are errors with a did-you-mean. */
export interface ObjectSchema extends Head {
  readonly type: 'object'
  readonly properties: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  /** Keys of earlier versions and of the Collector, and what they are called here: said to whoever writes them. */
  readonly renamed?: Readonly<Record<string, string>>
  /** An object all of whose keys have defaults may default to `{}`. */
  readonly default?: Readonly<Record<string, unknown>>
}
/** A value of one of several shapes, e.g. a number or a word. */
export interface UnionSchema extends Head {
  readonly anyOf: readonly Schema[]
  readonly default?: unknown
}

/** The TypeScript type of a validated configuration: keys as in YAML, all defaults filled in, deeply read-only. */
export type ConfigOf<S> = S extends { readonly anyOf: readonly (infer U)[] }
  ? ConfigOf<U>
  : S extends { readonly type: 'string'; readonly format: 'duration' | 'size' }
    ? number
    : S extends { readonly type: 'string'; readonly enum: readonly (infer E)[] }
      ? E
      : S extends { readonly type: 'string' }
        ? string
        : S extends { readonly type: 'integer' | 'number' }
          ? number
          : S extends { readonly type: 'boolean' }
            ? boolean
            : S extends { readonly type: 'array'; readonly items: infer I }
              ? readonly ConfigOf<I>[]
              : S extends { readonly properties: infer P }
                ? { readonly [K in keyof P as IsPresent<S, P, K> extends true ? K : never]: ConfigOf<P[K]> } & {
                    readonly [K in keyof P as IsPresent<S, P, K> extends true ? never : K]?: ConfigOf<P[K]>
                  }
                : S extends { readonly additionalProperties: infer V }
                  ? Readonly<Record<string, ConfigOf<V>>>
                  : never

type IsPresent<S, P, K extends keyof P> = P[K] extends { readonly default: unknown }
  ? true
  : S extends { readonly required: readonly (infer R)[] }
    ? K extends R
      ? true
      : false
    : false
