import type { Config } from '../../../../src/exporters/otlp/config.js'

const retry: Config['retry'] = {
  initial_delay: 1000,
  max_delay: 30_000,
  multiplier: 1.5,
  jitter: 0.5,
  max_retries: 0,
  // Fake time runs ahead of real sockets: nothing is to be given up because an answer took some of it.
  max_elapsed_time: 0,
}

export const breaker: Config['circuit_breaker'] = { failure_threshold: 10, success_threshold: 1, timeout: 10_000 }

export function config(endpoint: string, part: Partial<Config> = {}): Config {
  return {
    endpoint,
    tls: {},
    strategy: 'failover',
    protocol: 'grpc',
    encoding: 'proto',
    headers: {},
    header_files: {},
    compression: 'gzip',
    // Fake time runs ahead of real sockets: only the test of the timeout may reach it.
    timeout: 24 * 3_600_000,
    sending_queue: {
      max_items: 50_000,
      max_bytes: 2 ** 25,
      concurrency: 4,
      request_interval: 0,
      overflow: 'block',
      shutdown_timeout: 5000,
    },
    retry,
    circuit_breaker: breaker,
    ...part,
  }
}
