import type { ConfigComplaint } from '../../component/component.js'
import type { ConfigOf, ObjectSchema } from '../../component/schema.js'
import { clientTlsProperties } from '../tls/schema.js'

const secret = { type: 'string', format: 'secret_file', pattern: '^/' } as const

const kServerForm = 'nats://host:4222 or tls://host:4222'

/** What both sides say of the NATS server: where it is, who we are, and which stream. */
export const natsProperties = {
  servers: {
    type: 'array',
    minItems: 1,
    maxItems: 16,
    default: ['nats://127.0.0.1:4222'],
    description: 'Servers of one cluster: `nats://host:4222`, or `tls://` where TLS is a must. One that works is used.',
    items: {
      type: 'string',
      pattern: '^(nats|tls)://',
      form: kServerForm,
      maxLength: 300,
      description: 'URL of a server.',
    },
  },
  tls: {
    type: 'object',
    description: 'How the connection is protected. A server may demand TLS by itself; with `tls://` we do.',
    default: {},
    properties: {
      ...clientTlsProperties,
      server_name: {
        type: 'string',
        minLength: 1,
        maxLength: 253,
        description:
          'Name to expect in the certificate when it differs from the host; needed where several servers are named by address.',
      },
    },
  },
  credentials: {
    type: 'object',
    description:
      'Who we are, in files that only the agent may read; one of these. Files are read again when they change.',
    default: {},
    properties: {
      creds_file: { ...secret, description: 'File of `nsc` with a JWT and its seed; absolute path.' },
      nkey_file: { ...secret, description: 'File with the seed of an NKey; absolute path.' },
      token_file: { ...secret, description: 'File with a token; absolute path.' },
      user: { type: 'string', minLength: 1, maxLength: 256, description: 'User name. Needs `password_file`.' },
      password_file: { ...secret, description: 'File with the password of `user`; absolute path.' },
    },
  },
  stream: {
    type: 'string',
    pattern: '^[A-Za-z0-9_-]+$',
    form: 'a name of letters, digits, "_" and "-"',
    maxLength: 64,
    default: 'UNITSCOPE',
    description: 'JetStream stream that keeps what is published until a gateway has it.',
  },
  subject: {
    type: 'string',
    pattern: '^[A-Za-z0-9_-]+(\\.[A-Za-z0-9_-]+)*$',
    form: 'words of letters, digits, "_" and "-" with dots between them',
    maxLength: 128,
    default: 'unitscope',
    description: 'First part of all subjects; signal (`logs`, `metrics`, `traces`) and host follow.',
  },
  create_stream: {
    type: 'object',
    description:
      'The stream is made with this when it is not there; one that is there is left as it is. What a gateway has acknowledged is deleted; a full stream refuses, so that agents wait.',
    default: {},
    properties: {
      enabled: {
        type: 'boolean',
        default: true,
        description: '`false`: a stream that is not there is an error that is told, and waited for.',
      },
      max_bytes: { type: 'string', format: 'size', default: '1GiB', description: 'Bytes kept at most.' },
      max_age: {
        type: 'string',
        format: 'duration',
        default: '72h',
        description: 'What nobody has fetched for so long is deleted, uncounted.',
      },
      duplicate_window: {
        type: 'string',
        format: 'duration',
        default: '10m',
        description: 'How long the server knows what it has: a request that is sent twice within it is kept once.',
      },
      replicas: { type: 'integer', minimum: 1, maximum: 5, default: 1, description: 'Servers that keep each message.' },
    },
  },
} as const

const schema = { type: 'object', description: '', properties: natsProperties } as const satisfies ObjectSchema

export type NatsConfig = ConfigOf<typeof schema>

const kMinDuplicateWindowMs = 1000

export function checkNats(config: NatsConfig): readonly ConfigComplaint[] {
  const complaints: ConfigComplaint[] = []
  const complain = (path: ConfigComplaint['path'], reason: string): void => void complaints.push({ path, reason })
  const { tls, credentials, create_stream, servers } = config
  servers.forEach((server, at) => {
    if (server.includes('@'))
      complain(
        ['servers', at],
        'a user name or password has no place in it: use credentials (user and password_file, token_file, nkey_file or creds_file)',
      )
    else if (!/^(nats|tls):\/\/(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(:\d{1,5})?$/.test(server))
      complain(['servers', at], `is not ${kServerForm}`)
  })
  if ((tls.cert_file === undefined) !== (tls.key_file === undefined))
    complain(['tls'], 'cert_file and key_file go together')
  const { user, password_file, creds_file, nkey_file, token_file } = credentials
  if ((user === undefined) !== (password_file === undefined))
    complain(['credentials'], 'user and password_file go together')
  if ([user, creds_file, nkey_file, token_file].filter((each) => each !== undefined).length > 1)
    complain(['credentials'], 'only one of creds_file, nkey_file, token_file and user')
  if (create_stream.duplicate_window < kMinDuplicateWindowMs)
    complain(['create_stream', 'duplicate_window'], 'must be at least 1s')
  if (create_stream.max_age < create_stream.duplicate_window)
    complain(['create_stream', 'max_age'], 'must be at least duplicate_window')
  return complaints
}
