import type { Settings } from '../../component/component.js'
import type { Schema } from '../../component/schema.js'

const kMaxValue = 8192

/** Of an exporter that sends headers, beside its `headers`. */
export const headerFileProperties = {
  header_files: {
    type: 'object',
    description: 'Headers whose values stand in files, by absolute path; read again when they change.',
    maxProperties: 64,
    default: {},
    additionalProperties: { type: 'string', format: 'secret_file', pattern: '^/', description: 'File with the value.' },
  },
  bearer_token_file: {
    type: 'string',
    format: 'secret_file',
    pattern: '^/',
    description: 'File with a token, sent as `authorization: Bearer ...`; read again when it changes.',
  },
} as const satisfies Readonly<Record<string, Schema>>

export interface HeaderConfig {
  readonly headers: Readonly<Record<string, string>>
  readonly header_files: Readonly<Record<string, string>>
  readonly bearer_token_file?: string | undefined
}

/** What each request says of its sender. */
export interface RequestHeaders {
  /** The same object until a file changes. */
  headers(): Readonly<Record<string, string>>
  /** Values of headers, those of a moment ago, too: what is never to be told. */
  secrets(): Iterable<string>
  close(): Promise<void>
}

/** Never quotes the value: it is a secret. */
export function headerComplaint(value: string): string | undefined {
  if (value.length > kMaxValue) return `has more than ${kMaxValue} characters`
  return /^[\x20-\x7e]*$/.test(value) ? undefined : 'its value has characters outside printable ASCII'
}

/**
 * Why headers cannot be sent as they are written, one by one.
 *
 * @param nameComplaint - what the protocol says of a name
 */
export function* headerComplaints(
  { headers, header_files, bearer_token_file }: HeaderConfig,
  nameComplaint: (name: string) => string | undefined,
): Generator<{ readonly path: readonly string[]; readonly reason: string }> {
  const written = new Set<string>()
  const inFiles = new Set<string>()
  for (const [name, value] of Object.entries(headers)) {
    written.add(name.toLowerCase())
    const reason = nameComplaint(name) ?? headerComplaint(value)
    if (reason !== undefined) yield { path: ['headers', name], reason }
  }
  for (const name of Object.keys(header_files)) {
    const key = name.toLowerCase()
    const twice = written.has(key) ? 'is in headers, too' : inFiles.has(key) ? 'is there twice' : undefined
    const reason = nameComplaint(name) ?? twice
    if (reason !== undefined) yield { path: ['header_files', name], reason }
    inFiles.add(key)
  }
  if (bearer_token_file !== undefined && (written.has('authorization') || inFiles.has('authorization')))
    yield { path: ['bearer_token_file'], reason: 'makes an authorization header, and there is one' }
}

/** Those of the configuration, and those in files, which change. Rejects, naming key and path, when a file cannot be used. */
export async function openRequestHeaders(
  { headers: fixed, header_files, bearer_token_file: bearer }: HeaderConfig,
  { clock, logger, telemetry }: Settings,
): Promise<RequestHeaders> {
  const paths = { ...header_files, ...(bearer === undefined ? {} : { authorization: bearer }) }
  if (Object.keys(paths).length === 0)
    return { headers: () => fixed, secrets: () => Object.values(fixed), close: async () => {} }
  const check = (_: string, text: string): string | undefined => headerComplaint(text)
  const { SecretFiles } = await import('./secret-files.js')
  const keyOf = (name: string): string =>
    Object.hasOwn(header_files, name) ? `header_files.${name}` : 'bearer_token_file'
  const files = await SecretFiles.open(paths, { clock, logger, telemetry, check, keyOf })
  // Made once for each change of the files: it is asked for at each request.
  let made: { readonly of: ReadonlyMap<string, string>; readonly headers: Readonly<Record<string, string>> } | undefined
  return {
    headers() {
      const { values } = files
      if (made?.of !== values) {
        const headers = { ...fixed, ...Object.fromEntries(values) }
        if (bearer !== undefined) headers['authorization'] = `Bearer ${values.get('authorization')}`
        made = { of: values, headers }
      }
      return made.headers
    },
    secrets: () => [...Object.values(fixed), ...files.seen],
    close: () => files.close(),
  }
}
