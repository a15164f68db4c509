import type { Logger } from '../../component/logger.js'
import type { ComponentTelemetry } from '../../component/telemetry.js'
import { readCredential, secretText } from '../../config/credential.js'
import type { Clock } from '../../util/clock.js'
import { FileBacked } from './file-backed.js'

export interface SecretFilesSettings {
  readonly clock: Clock
  readonly logger: Logger
  readonly telemetry: ComponentTelemetry
  /** Which key of the configuration names the file of this name: begins what is said of it. */
  keyOf(name: string): string
  /** Why a text cannot be used as a secret of this name; must not quote it. */
  check?(name: string, text: string): string | undefined
}

/** Secrets that stand in files of their own, by name; read again when a file changes, and kept when one vanishes. */
export class SecretFiles {
  readonly #files: FileBacked<ReadonlyMap<string, string>>
  readonly #seen: Set<string>

  /** Rejects, naming key and path, when one cannot be used. */
  static async open(paths: Readonly<Record<string, string>>, settings: SecretFilesSettings): Promise<SecretFiles> {
    const { clock, logger, telemetry } = settings
    const seen = new Set<string>()
    const warned = new Set<string>()
    const files = await FileBacked.open({
      paths: Object.values(paths),
      clock,
      async read() {
        const secrets = new Map<string, string>()
        for (const [name, path] of Object.entries(paths)) {
          const { text, warning } = await readSecret(name, path, settings)
          if (warning !== undefined && !warned.has(warning)) logger.warn('a secret is not safe', { reason: warning })
          if (warning !== undefined) warned.add(warning)
          secrets.set(name, text)
        }
        remember(seen, secrets)
        return secrets
      },
      onChange: () => logger.info('a secret has changed; the new one is used'),
      onStale(reason) {
        if (reason === undefined) logger.info('secrets are in order again')
        else logger.warn('a secret cannot be read; the one read before stays in use', { reason })
      },
    })
    telemetry.gauge('secret_files_stale', '1 while a secret cannot be read and an older one is used', '1', () =>
      files.stale === undefined ? 0 : 1,
    )
    return new SecretFiles(files, seen)
  }

  private constructor(files: FileBacked<ReadonlyMap<string, string>>, seen: Set<string>) {
    this.#files = files
    this.#seen = seen
  }

  /** The newest, by name; another map after each change. */
  get values(): ReadonlyMap<string, string> {
    return this.#files.value
  }

  /** The newest and some before: what is never to be told. A server may quote a token that was replaced a moment ago. */
  get seen(): ReadonlySet<string> {
    return this.#seen
  }

  /** Looks at the files now rather than within 10 s. */
  look(): Promise<void> {
    return this.#files.look()
  }

  close(): Promise<void> {
    return this.#files.close()
  }
}

async function readSecret(name: string, path: string, { check, keyOf }: SecretFilesSettings) {
  try {
    const { bytes, warning } = await readCredential(path, 'secret')
    const text = secretText(path, bytes)
    const complaint = check?.(name, text)
    if (complaint !== undefined) throw new Error(`${path} ${complaint}`)
    return { text, warning }
  } catch (error) {
    throw new Error(`${keyOf(name)} ${(error as Error).message}`)
  }
}

/** 64 headers twice over. */
const kMaxSeen = 128

function remember(seen: Set<string>, secrets: ReadonlyMap<string, string>): void {
  for (const text of secrets.values()) {
    seen.delete(text)
    seen.add(text)
  }
  for (const oldest of seen) {
    if (seen.size <= kMaxSeen) break
    seen.delete(oldest)
  }
}
