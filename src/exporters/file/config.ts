import type { ConfigComplaint } from '../../component/component.js'
import type { ConfigOf, ObjectSchema } from '../../component/schema.js'

export const schema = {
  type: 'object',
  description:
    "Appends records to a file, one OTLP/JSON request per line, as the OpenTelemetry Collector's file exporter does.",
  required: ['path'],
  properties: {
    path: {
      type: 'string',
      format: 'output_file',
      pattern: '^/',
      maxLength: 4096,
      description: 'The file; absolute path. Its folder must exist.',
    },
    max_size: {
      type: 'string',
      format: 'size',
      default: '100MiB',
      description: 'The file is renamed to `path.1` before it would grow beyond this.',
    },
    max_files: {
      type: 'integer',
      minimum: 0,
      maximum: 1000,
      default: 5,
      description:
        'Renamed files kept; the oldest is deleted. 0: the file is emptied instead. With `max_size` the limit of what all take together.',
    },
    max_age: {
      type: 'string',
      format: 'duration',
      default: '0s',
      description:
        'Renamed files are deleted so long after their last line, at least `1m`. `0s`: only for their number.',
    },
    compression: {
      type: 'string',
      enum: ['none', 'gzip'],
      default: 'none',
      description: '`gzip`: renamed files are compressed, to `path.1.gz` and so on.',
    },
    fsync: {
      type: 'boolean',
      default: false,
      description:
        'Write each batch through to the disk before it counts as delivered: survives a power cut, costs time.',
    },
  },
} as const satisfies ObjectSchema

export type Config = ConfigOf<typeof schema>

export function check(config: Config): readonly ConfigComplaint[] {
  const complaints: ConfigComplaint[] = []
  if (config.path.endsWith('/') || /\/\.{1,2}(\/|$)/.test(config.path) || config.path.includes('\0'))
    complaints.push({ path: ['path'], reason: 'must be the plain absolute path of a file, without . or ..' })
  if (config.max_size < 64 * 1024) complaints.push({ path: ['max_size'], reason: 'must be at least 64KiB' })
  if (config.max_age !== 0 && config.max_age < 60_000)
    complaints.push({ path: ['max_age'], reason: 'must be 0s or at least 1m' })
  return complaints
}
