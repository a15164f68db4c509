import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

export interface KeyPair {
  readonly certFile: string
  readonly keyFile: string
}

/** An authority of its own, made by openssl: nothing secret lies in the repository, and nothing in it ever expires. */
export interface Authority {
  readonly caFile: string
  /** A certificate signed by it, for these names (`DNS:otel.test`, `IP:127.0.0.1`). */
  issue(name: string, subjectAltNames: readonly string[]): KeyPair
}

export function makeAuthority(folder: string, name: string): Authority {
  const file = (suffix: string): string => join(folder, `${name}${suffix}`)
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  openssl(
    ...['req', '-x509', ...newKey, '-days', '1', '-subj', `/CN=${name}`],
    ...['-keyout', file('.key'), '-out', file('.crt')],
  )
  return {
    caFile: file('.crt'),
    issue(subject, subjectAltNames) {
      const of = (suffix: string): string => join(folder, `${name}-${subject}${suffix}`)
      writeFileSync(of('.ext'), `subjectAltName=${subjectAltNames.join(',')}\n`)
      openssl('req', '-new', ...newKey, '-subj', `/CN=${subject}`, '-keyout', of('.key'), '-out', of('.csr'))
      openssl(
        ...['x509', '-req', '-in', of('.csr'), '-days', '1', '-extfile', of('.ext')],
        ...['-CA', file('.crt'), '-CAkey', file('.key'), '-CAcreateserial', '-out', of('.crt')],
      )
      return { certFile: of('.crt'), keyFile: of('.key') }
    },
  }
}

function openssl(...argv: readonly string[]): void {
  execFileSync('/usr/bin/openssl', argv, { stdio: ['ignore', 'ignore', 'pipe'] })
}
