import { lstat } from 'node:fs/promises'
import { readRegularFile } from './sources.js'

/** A token, a key, a certificate; a bundle of all authorities there are takes 220 KiB. */
const kMaxSecretBytes = 64 * 1024
const kMaxCertificateBytes = 1024 * 1024

/** `secret`: whoever reads it is us. `certificate`: everybody may read it, but who writes it decides whom we trust. */
export type Sensitivity = 'secret' | 'certificate'

export interface Credential {
  readonly bytes: Uint8Array
  /** What is wrong with the file and no reason to refuse it. */
  readonly warning?: string
}

/**
 * Reads a file that proves something. Refused are files that every user of the machine may write, and symbolic links that
 * belong to somebody else than this user and root: who owns the link chooses the file. (Kubernetes' links are root's.)
 *
 * Rejects with a reason that names the path, never the content.
 */
export async function readCredential(path: string, sensitivity: Sensitivity): Promise<Credential> {
  const refuse = (reason: string): never => {
    throw new Error(`${path} ${reason}`)
  }
  const link = await lstat(path).catch(() => undefined) // reading says what is wrong
  if (link?.isSymbolicLink() && link.uid !== 0 && link.uid !== process.geteuid?.())
    refuse(`is a symbolic link of another user (uid ${link.uid})`)
  const maxBytes = sensitivity === 'secret' ? kMaxSecretBytes : kMaxCertificateBytes
  const { bytes, mode } = await readRegularFile(path, maxBytes).catch((error: Error) => refuse(error.message))
  if ((mode & 0o002) !== 0) refuse('can be written by every user of this machine: chmod o-w')
  if (sensitivity === 'certificate' || (mode & 0o004) === 0) return { bytes }
  return { bytes, warning: `${path} can be read by every user of this machine: chmod o-r` }
}

/**
 * The text of a secret: UTF-8 of one line at most, without one newline at its end.
 *
 * @throws Error naming the path, never the content
 */
export function secretText(path: string, bytes: Uint8Array): string {
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw new Error(`${path} is not UTF-8 text`)
  }
  if (text.startsWith('\ufeff')) throw new Error(`${path} begins with a byte order mark: save it without one`)
  text = text.replace(/\r?\n$/, '')
  if (text === '') throw new Error(`${path} is empty`)
  return text
}
