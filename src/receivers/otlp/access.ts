import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import type { Settings } from '../../component/component.js'
import type { Metadata } from '../../data/resource.js'
import { SecretFiles } from '../../lib/credentials/secret-files.js'

/**
 * Of a request's headers, what stays with its records; undefined when there is nothing, and a text, why the request is refused, when it
 * cannot be told whose they are.
 */
export type MetadataOf = (headers: IncomingHttpHeaders) => Metadata | string | undefined

/** A tenant's name; more is no name, and would be held with every record's origin. */
const kMaxValue = 256

/** Without a comma: node:http and node:http2 join a header that comes twice by one, as any proxy may (RFC 9110, 5.3). */
const kValue = /^[\x20-\x2b\x2d-\x7e]+$/

/** @param names - in lower case */
export function metadataReader(names: readonly string[]): MetadataOf {
  if (names.length === 0) return () => undefined
  return (headers) => {
    const metadata: Record<string, string> = {}
    let found = false
    for (const name of names) {
      const value = Object.hasOwn(headers, name) ? headers[name] : undefined
      if (value === undefined) continue
      // Left out, it would make the records nobody's, or everybody's.
      if (typeof value !== 'string' || value.length > kMaxValue || !kValue.test(value))
        return `${name} is not one name of 1 to ${kMaxValue} printable ASCII characters without a comma`
      metadata[name] = value
      found = true
    }
    return found ? metadata : undefined
  }
}

/** Who may send. */
export interface Access {
  readonly allows: (headers: IncomingHttpHeaders) => boolean
  close(): Promise<void>
}

/** Rejects, naming key and path, when the file cannot be used. */
export async function openAccess(tokenFile: string | undefined, settings: Settings): Promise<Access> {
  if (tokenFile === undefined) return { allows: () => true, close: async () => {} }
  const files = await SecretFiles.open(
    { token: tokenFile },
    {
      ...settings,
      keyOf: () => 'token_file',
      check: (_, text) => (/^[\x21-\x7e]+$/.test(text) ? undefined : 'has more than one word in it'),
    },
  )
  let of: ReadonlyMap<string, string> | undefined
  let wanted: Buffer = Buffer.alloc(0)
  return {
    allows({ authorization }) {
      if (of !== files.values) {
        of = files.values
        wanted = digest(`Bearer ${of.get('token')}`)
      }
      // Digests, so that the time it takes tells nothing of length or content (CVE-2024-42368).
      return typeof authorization === 'string' && timingSafeEqual(digest(authorization), wanted)
    },
    close: () => files.close(),
  }
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
