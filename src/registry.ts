import type { Registration } from './component/component.js'

/**
 * Every component that ships with the agent. Each is imported when a pipeline (or `unitscope components`) names it, so
 * that what is not used costs no memory. To add one: its folder, and one line here.
 */
export const registrations: readonly Registration[] = [
  { kind: 'receiver', type: 'systemd', load: async () => (await import('./receivers/systemd/factory.js')).factory },
  { kind: 'receiver', type: 'cgroup', load: async () => (await import('./receivers/cgroup/factory.js')).factory },
  { kind: 'receiver', type: 'journald', load: async () => (await import('./receivers/journald/factory.js')).factory },
  { kind: 'receiver', type: 'otlp', load: async () => (await import('./receivers/otlp/factory.js')).factory },
  { kind: 'receiver', type: 'replay', load: async () => (await import('./receivers/replay/factory.js')).factory },
  { kind: 'receiver', type: 'nats', load: async () => (await import('./receivers/nats/factory.js')).factory },
  {
    kind: 'receiver',
    type: 'self_telemetry',
    load: async () => (await import('./receivers/self_telemetry/factory.js')).factory,
  },

  {
    kind: 'processor',
    type: 'memory_limiter',
    load: async () => (await import('./processors/memory_limiter/factory.js')).factory,
  },
  {
    kind: 'processor',
    type: 'rate_limiter',
    load: async () => (await import('./processors/rate_limiter/factory.js')).factory,
  },
  {
    kind: 'processor',
    type: 'adaptive_sampler',
    load: async () => (await import('./processors/adaptive_sampler/factory.js')).factory,
  },
  {
    kind: 'processor',
    type: 'tail_sampling',
    load: async () => (await import('./processors/tail_sampling/factory.js')).factory,
  },
  { kind: 'processor', type: 'filter', load: async () => (await import('./processors/filter/factory.js')).factory },
  {
    kind: 'processor',
    type: 'attributes',
    load: async () => (await import('./processors/attributes/factory.js')).factory,
  },
  {
    kind: 'processor',
    type: 'crash_loop',
    load: async () => (await import('./processors/crash_loop/factory.js')).factory,
  },
  {
    kind: 'processor',
    type: 'periodic_crash',
    load: async () => (await import('./processors/periodic_crash/factory.js')).factory,
  },
  {
    kind: 'processor',
    type: 'memory_leak',
    load: async () => (await import('./processors/memory_leak/factory.js')).factory,
  },
  {
    kind: 'processor',
    type: 'anomaly',
    load: async () => (await import('./processors/anomaly/factory.js')).factory,
  },
  {
    kind: 'processor',
    type: 'prediction',
    load: async () => (await import('./processors/prediction/factory.js')).factory,
  },
  {
    kind: 'processor',
    type: 'time_pattern',
    load: async () => (await import('./processors/time_pattern/factory.js')).factory,
  },
  {
    kind: 'processor',
    type: 'incident',
    load: async () => (await import('./processors/incident/factory.js')).factory,
  },
  {
    kind: 'processor',
    type: 'lifecycle_spans',
    load: async () => (await import('./processors/lifecycle_spans/factory.js')).factory,
  },
  {
    kind: 'processor',
    type: 'dependency',
    load: async () => (await import('./processors/dependency/factory.js')).factory,
  },
  { kind: 'processor', type: 'batch', load: async () => (await import('./processors/batch/factory.js')).factory },

  { kind: 'exporter', type: 'otlp', load: async () => (await import('./exporters/otlp/factory.js')).factory },
  {
    kind: 'exporter',
    type: 'prometheus',
    load: async () => (await import('./exporters/prometheus/factory.js')).factory,
  },
  {
    kind: 'exporter',
    type: 'prometheus_remote_write',
    load: async () => (await import('./exporters/prometheus_remote_write/factory.js')).factory,
  },
  { kind: 'exporter', type: 'nats', load: async () => (await import('./exporters/nats/factory.js')).factory },
  { kind: 'exporter', type: 'debug', load: async () => (await import('./exporters/debug/factory.js')).factory },
  { kind: 'exporter', type: 'file', load: async () => (await import('./exporters/file/factory.js')).factory },

  {
    kind: 'extension',
    type: 'file_queue',
    load: async () => (await import('./extensions/file_queue/factory.js')).factory,
  },
]
