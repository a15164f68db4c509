import type { Workspace } from '../e2e/agent.js'
import type { OtlpBackend } from '../support/otlp-backend/otlp-backend.js'
import type { FarNetwork } from './far-network.js'

export interface WireOptions {
  readonly protocol?: 'grpc' | 'http'
  /** Of the exporter, beside its endpoint. */
  readonly exporter?: object
  /** Queue on disk, with these settings. */
  readonly disk?: boolean | object
  /** Before the exporter, in this order. */
  readonly processors?: Readonly<Record<string, object>>
  /** The agent's own numbers, on a page for Prometheus. */
  readonly self?: boolean
  /** What the agent is started behind (`strace ...`); it stays the process that was started. */
  around?(workspace: Workspace): readonly string[]
  /** Where the backend lives. */
  readonly far?: FarNetwork
}

export interface WirePorts {
  readonly otlp: number
  readonly page: number
}

export const statusSocket = (path: (name: string) => string): string => path('status.sock')

/** The agent of a `Wire`. */
export function wireConfig(
  { protocol = 'grpc', exporter = {}, disk = false, processors = {}, self = false }: WireOptions,
  backend: OtlpBackend,
  ports: WirePorts,
  path: (name: string) => string,
): object {
  const { sending_queue: queue = {}, ...rest } = exporter as { readonly sending_queue?: object }
  const more = disk === true ? {} : disk
  return {
    receivers: {
      otlp: { protocols: { grpc: { endpoint: `127.0.0.1:${ports.otlp}` } } },
      ...(self ? { self_telemetry: { collection_interval: '1s' } } : {}),
    },
    processors,
    ...(more ? { extensions: { file_queue: { directory: path('queue'), max_bytes: '8GiB', ...more } } } : {}),
    exporters: {
      otlp: {
        protocol,
        endpoint: `http://${protocol === 'grpc' ? backend.grpc : backend.http}`,
        sending_queue: { request_interval: '0s', ...queue, ...(more ? { storage: 'file_queue' } : {}) },
        ...rest,
      },
      ...(self ? { prometheus: { endpoint: `127.0.0.1:${ports.page}` } } : {}),
    },
    service: {
      status_socket: statusSocket(path),
      ...(more ? { extensions: ['file_queue'] } : {}),
      pipelines: {
        logs: { receivers: ['otlp'], processors: Object.keys(processors), exporters: ['otlp'] },
        ...(self ? { metrics: { receivers: ['self_telemetry'], exporters: ['prometheus'] } } : {}),
      },
    },
  }
}
