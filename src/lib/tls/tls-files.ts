import type { SecureContext, SecureContextOptions } from 'node:tls'
import type { Logger } from '../../component/logger.js'
import type { ComponentTelemetry } from '../../component/telemetry.js'
import { readCredential } from '../../config/credential.js'
import type { Clock } from '../../util/clock.js'
import { FileBacked } from '../credentials/file-backed.js'
import { Expiry } from './expiry.js'

/** PEM files by absolute path. Without authorities the system's count. */
export interface TlsPaths {
  readonly caFile?: string | undefined
  /** What the configuration calls that one; `ca_file` where it is left out. */
  readonly caKey?: string
  readonly certFile?: string | undefined
  readonly keyFile?: string | undefined
}

export interface TlsSettings {
  readonly clock: Clock
  readonly logger: Logger
  readonly telemetry: ComponentTelemetry
}

/** For `tls.connect` and `server.setSecureContext`: at least TLS 1.2, whatever NODE_OPTIONS says. */
export type TlsOptions = Pick<SecureContextOptions, 'ca' | 'cert' | 'key' | 'minVersion'>

interface Loaded {
  readonly options: TlsOptions
  readonly context: SecureContext
}

/**
 * What a side of TLS proves itself with and whom it trusts, read again when its files change: the next connection is made
 * with the new ones, those there are go on. Files that vanish, or do not go together, are warned of, and what was read
 * before stays in use (gauge `tls_files_stale`).
 *
 * Expiry is warned of two weeks ahead: of the own certificate (gauge `tls_certificate_days_left`), and of those peers show.
 */
export class TlsFiles {
  readonly expiry: Expiry
  readonly #files: FileBacked<Loaded>

  /**
   * Rejects, naming the key and the path, when a file cannot be used: it never could work.
   *
   * @param onChange - a server's `setSecureContext`: told of what is to be used from now on; not of the first
   */
  static async open(
    paths: TlsPaths,
    settings: TlsSettings,
    onChange: (options: TlsOptions) => void = () => {},
  ): Promise<TlsFiles> {
    const { clock, logger, telemetry } = settings
    const expiry = new Expiry(settings)
    let warned = ''
    const read = async (): Promise<Loaded> => {
      const { loaded, warning, own } = await load(paths)
      if (warning !== '' && warning !== warned) logger.warn('a TLS file is not safe', { reason: warning })
      warned = warning
      if (own !== undefined) expiry.own(own)
      return loaded
    }
    try {
      const files = await FileBacked.open<Loaded>({
        paths: [paths.caFile, paths.certFile, paths.keyFile].filter((path) => path !== undefined),
        read,
        clock,
        onChange: ({ options }) => {
          logger.info('TLS files have changed; new connections use them')
          onChange(options)
        },
        onStale(reason) {
          if (reason === undefined) logger.info('TLS files are in order again')
          else logger.warn('TLS files cannot be used; those read before stay in use', { reason })
        },
      })
      telemetry.gauge('tls_files_stale', '1 while TLS files cannot be used and older ones are', '1', () =>
        files.stale === undefined ? 0 : 1,
      )
      return new TlsFiles(files, expiry)
    } catch (error) {
      expiry.close()
      throw error
    }
  }

  private constructor(files: FileBacked<Loaded>, expiry: Expiry) {
    this.#files = files
    this.expiry = expiry
  }

  /** For the next connection. */
  get context(): SecureContext {
    return this.#files.value.context
  }

  get options(): TlsOptions {
    return this.#files.value.options
  }

  /** Looks at the files now rather than within 10 s. */
  look(): Promise<void> {
    return this.#files.look()
  }

  async close(): Promise<void> {
    this.expiry.close()
    await this.#files.close()
  }
}

async function load(paths: TlsPaths): Promise<{ loaded: Loaded; warning: string; own: number | undefined }> {
  const caKey = paths.caKey ?? 'ca_file'
  const [ca, cert, key] = await Promise.all([
    readPem(caKey, paths.caFile, 'certificate'),
    readPem('cert_file', paths.certFile, 'certificate'),
    readPem('key_file', paths.keyFile, 'secret'),
  ])
  const { createSecureContext } = await import('node:tls')
  if (ca !== undefined) await endsOf(caKey, paths.caFile!, ca.bytes)
  const own = cert && (await endsOf('cert_file', paths.certFile!, cert.bytes))[0]
  const options: TlsOptions = {
    minVersion: 'TLSv1.2',
    ...(ca && { ca: ca.bytes }),
    ...(cert && { cert: cert.bytes }),
    ...(key && { key: key.bytes }),
  }
  try {
    return { loaded: { options, context: createSecureContext(options) }, warning: key?.warning ?? '', own }
  } catch (error) {
    // OpenSSL's words; the commonest is "key values mismatch".
    throw new Error(`tls.cert_file and tls.key_file do not go together: ${(error as Error).message}`)
  }
}

async function readPem(key: string, path: string | undefined, sensitivity: 'secret' | 'certificate') {
  if (path === undefined) return undefined
  const { bytes, warning } = await readCredential(path, sensitivity).catch((error: Error) => {
    throw new Error(`tls.${key} ${error.message}`)
  })
  const pem = Buffer.from(bytes)
  if (!pem.includes('-----BEGIN ')) throw new Error(`tls.${key} ${path} is not a PEM file`)
  return { bytes: pem, warning }
}

/**
 * When each certificate of a PEM file ends, in milliseconds since 1970. OpenSSL passes over what it cannot read: of a file
 * cut in the middle half of the authorities would be gone unnoticed.
 */
async function endsOf(key: string, path: string, pem: Buffer): Promise<readonly number[]> {
  const { X509Certificate } = await import('node:crypto')
  const blocks = pem.toString('latin1').split(/(?=-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----)/)
  const certificates = blocks.filter((block) => block.startsWith('-----BEGIN '))
  if (certificates.length === 0) throw new Error(`tls.${key} ${path} has no certificate in it`)
  return certificates.map((block, index) => {
    try {
      return Date.parse(new X509Certificate(block).validTo)
    } catch {
      throw new Error(`tls.${key} ${path}: certificate ${index + 1} cannot be read`)
    }
  })
}
