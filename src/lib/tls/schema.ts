import type { Schema } from '../../component/schema.js'

/** The files of a client, as each exporter's `tls` has them; TlsFiles reads them. */
export const clientTlsProperties = {
  ca_file: {
    type: 'string',
    format: 'certificate_file',
    pattern: '^/',
    description: 'PEM file of the authorities to trust instead of the system ones; absolute path.',
  },
  cert_file: {
    type: 'string',
    format: 'certificate_file',
    pattern: '^/',
    description: 'PEM client certificate; absolute path. Needs `key_file`.',
  },
  key_file: {
    type: 'string',
    format: 'key_file',
    pattern: '^/',
    description: 'PEM private key; absolute path. Needs `cert_file`.',
  },
  server_name: {
    type: 'string',
    minLength: 1,
    description: 'Name to expect in the certificate when it differs from the host.',
  },
} as const satisfies Readonly<Record<string, Schema>>
