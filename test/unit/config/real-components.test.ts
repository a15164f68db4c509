import { describe, expect, test } from 'vitest'
import type { Schema } from '../../../src/component/schema.js'
import { parseConfig } from '../../../src/config/config.js'
import { serviceSchema } from '../../../src/config/service-schema.js'
import { ConfigError, formatProblem } from '../../../src/errors.js'
import { registrations } from '../../../src/registry.js'
import { sourcesOf } from './fakes.js'

// What is said about configurations of the components that ship: the mistakes that people have made.

async function said(yaml: string): Promise<readonly string[]> {
  try {
    const { warnings } = await parseConfig(yaml, 'agent.yaml', registrations, sourcesOf())
    return warnings.map((warning) => `${warning.code} ${formatProblem(warning)}`)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return error.problems.map((problem) => `${problem.code} ${formatProblem(problem)}`)
  }
}

describe('an exporter that waits when it is full', () => {
  const otlp = (settings = ''): string => `otlp: { endpoint: "127.0.0.1:4317"${settings} }`
  const patient = otlp()
  const dropping = otlp(', sending_queue: { overflow: drop_oldest }')
  const fate = (others: string, key: string): string =>
    `${key}: once its queue is full, ${others} will stand still with it: they share a receiver; ` +
    'write sending_queue.overflow: drop_oldest, or give it receivers of its own, such as systemd/otlp'
  const both = 'a: { receivers: [systemd], exporters: [prometheus, otlp] }'
  const apart =
    'a: { receivers: [systemd], exporters: [otlp] }, b: { receivers: [systemd, cgroup], exporters: [prometheus] }'
  const separate = 'a: { receivers: [systemd], exporters: [otlp] }, b: { receivers: [cgroup], exporters: [prometheus] }'

  test.each([
    ['in one pipeline', patient, both, ['5:76', fate('prometheus', 'service.pipelines.a.exporters[1]')]],
    ['in two with one receiver', patient, apart, ['5:64', fate('prometheus', 'service.pipelines.a.exporters[0]')]],
    ['with receivers of its own', patient, separate, undefined],
    ['that drops instead', dropping, both, undefined],
  ])('%s', async (_, exporter, pipelines, expected) => {
    const receivers = pipelines.includes('cgroup') ? 'systemd: , cgroup:' : 'systemd:'
    const yaml = [
      `receivers: { ${receivers} }`,
      'exporters:',
      `  ${exporter}`,
      '  prometheus:',
      `service: { pipelines: { ${pipelines} } }`,
    ].join('\n')
    expect(await said(yaml)).toEqual(
      expected === undefined ? [] : [`CFG_SHARED_FATE agent.yaml:${expected[0]} ${expected[1]}`],
    )
  })
})

describe('a file, which waits while its disk is full', () => {
  const reason =
    'service.pipelines.a.exporters[0]: once its disk is full, debug will stand still with it: they share a receiver; give it receivers of its own, such as systemd/file'

  test.each([
    [
      'beside another exporter',
      'a: { receivers: [systemd], exporters: [file, debug] }',
      [`CFG_SHARED_FATE agent.yaml:3:64 ${reason}`],
    ],
    [
      'with a receiver of its own',
      'a: { receivers: [systemd/file], exporters: [file] }, b: { receivers: [systemd], exporters: [debug] }',
      [],
    ],
  ])('%s', async (_, pipelines, expected) => {
    const receivers = pipelines.includes('systemd/file') ? 'systemd: , systemd/file: ' : 'systemd: '
    const yaml = [
      `receivers: { ${receivers} }`,
      'exporters: { debug: , file: { path: /tmp/records.jsonl } }',
      `service: { pipelines: { ${pipelines} } }`,
    ].join('\n')
    expect(await said(yaml)).toEqual(expected)
  })
})

describe('where pipelines stand, and what they name', () => {
  const pipelines = (...lines: readonly string[]): string =>
    `receivers: { systemd: }\nexporters: { debug: }\nservice:\n${lines.map((line) => `  ${line}\n`).join('')}`

  test.each([
    [
      'a pipeline in the column of "pipelines:"',
      pipelines('pipelines:', 'units:', '  receivers: [systemd]', '  exporters: [debug]'),
      'CFG_VALUE agent.yaml:4:3 service.pipelines: at least one pipeline is needed, with receivers and exporters; "units:" stands in the column of "pipelines:": indent it further',
    ],
    [
      'lists in the column of their pipeline',
      pipelines('pipelines:', '  units:', '  receivers: [systemd]', '  exporters: [debug]'),
      'CFG_VALUE agent.yaml:5:5 service.pipelines.units.receivers: a pipeline needs at least one receiver; "receivers:" stands in the column of the pipeline: indent it further',
    ],
    [
      'a type with a typing error that no exporter has either',
      pipelines('pipelines: { a: { receivers: [systemd], exporters: [promtheus] } }'),
      'CFG_REFERENCE agent.yaml:4:55 service.pipelines.a.exporters[0]: "promtheus" is not defined in "exporters:", which has debug; did you mean the type "prometheus"?',
    ],
  ])('%s', async (_, yaml, expected) => {
    expect(await said(yaml)).toContain(expected)
  })
})

describe('the path of a file', () => {
  const yaml = (path: string): string =>
    `receivers: { systemd: }\nexporters:\n  file:\n    path: ${path}\nservice: { pipelines: { a: { receivers: [systemd], exporters: [file] } } }\n`

  test.each([
    ['records.jsonl', ['CFG_VALUE agent.yaml:4:11 exporters.file.path: must be an absolute path, is records.jsonl']],
    ['/etc/records.jsonl', []],
  ])('%s', async (path, expected) => {
    expect(await said(yaml(path))).toEqual(expected)
  })
})

test('a size without a unit is asked about in a unit that passes', async () => {
  const yaml = `receivers: { systemd: }
processors: { memory_limiter: { limit: 200 } }
exporters: { debug: }
service: { pipelines: { a: { receivers: [systemd], processors: [memory_limiter], exporters: [debug] } } }
`
  expect(await said(yaml)).toEqual([expect.stringMatching(/limit: "200" is not a size .*: did you mean "200MiB"\?$/)])
  expect(await said(yaml.replace('200', '200MiB'))).toEqual([])
})

describe('processors that read what others add', () => {
  const late = (at: string, index: number, user: string): string =>
    `CFG_ORDER agent.yaml:4:${at} service.pipelines.a.processors[${index}]: should stand before ${user}, which uses what it adds to events`

  test.each([
    ['dependency, incident, lifecycle_spans', []],
    ['incident, dependency, lifecycle_spans', [late('75', 1, 'incident')]],
    ['lifecycle_spans, dependency, incident', [late('94', 2, 'lifecycle_spans')]],
  ])('%s', async (order, expected) => {
    const yaml = `receivers: { systemd: }
processors: { dependency: , incident: , lifecycle_spans: }
exporters: { debug: }
service: { pipelines: { a: { receivers: [systemd], processors: [${order}], exporters: [debug] } } }
`
    expect(await said(yaml)).toEqual(expected)
  })
})

describe('patterns that would not be given what they read', () => {
  const yaml = (
    id: string,
    receivers: string,
    processors: string,
  ): string => `receivers: { systemd: , cgroup: , self_telemetry: }
processors: { crash_loop: , periodic_crash: , memory_leak: , anomaly: , prediction: }
exporters: { debug: }
service: { pipelines: { ${id}: { receivers: [${receivers}], processors: [${processors}], exporters: [debug] } } }
`
  const all = 'crash_loop, periodic_crash, memory_leak, anomaly, prediction'
  /** What is said of the pipeline, as `code: processor of the list: reason`. */
  const advice = async (id: string, receivers: string, processors: string): Promise<readonly string[]> => {
    const lines = await said(yaml(id, receivers, processors))
    return lines.flatMap((line) => {
      const [, code, index, reason] = /^(CFG_\w+) .*processors\[(\d)\]: (.*)$/.exec(line) ?? []
      return code === undefined ? [] : [`${code} ${processors.split(', ')[Number(index)]}: ${reason}`]
    })
  }

  test.each([
    ['units', 'systemd, cgroup, self_telemetry', all, []],
    ['logs', 'systemd, cgroup', all, []],
    ['units', 'systemd, self_telemetry', 'prediction', []],
    ['traces', 'systemd', 'crash_loop', []],
    [
      'units',
      'systemd',
      'prediction',
      [/^CFG_INPUT prediction: finds nothing here: put memory_leak or periodic_crash, .* before it/],
    ],
    ['units', 'systemd', 'prediction, periodic_crash', [/^CFG_ORDER periodic_crash: should stand before prediction/]],
    [
      'units',
      'systemd',
      'memory_leak, anomaly',
      [/^CFG_INPUT memory_leak: finds nothing .* cgroup/, /^CFG_INPUT anomaly: sees only failures/],
    ],
    [
      'metrics',
      'cgroup',
      'memory_leak, crash_loop',
      [/^CFG_INPUT memory_leak: .* of metrics: .*"units"/, /^CFG_INPUT crash_loop: .* of metrics/],
    ],
    ['traces/all', 'systemd, cgroup', 'anomaly', [/^CFG_INPUT anomaly: finds nothing in a pipeline of traces/]],
  ])('%s of %s: %s', async (id, receivers, processors, expected) => {
    expect(await advice(id, receivers, processors)).toEqual(expected.map((text) => expect.stringMatching(text)))
  })
})

describe('a pipeline that nothing can flow through', () => {
  const nothing = (id: string, reason: string): string[] => [
    `CFG_INPUT agent.yaml:4:25 service.pipelines.${id}: nothing will flow through it: it carries ${id.split('/')[0]}, and ${reason}`,
  ]
  const spans = '; lifecycle_spans makes spans of events'

  test.each([
    ['traces', 'cgroup', '', nothing('traces', `cgroup brings logs and metrics${spans}`)],
    [
      'traces/x',
      'systemd, journald',
      '',
      nothing('traces/x', `systemd brings logs and metrics, journald brings logs${spans}`),
    ],
    ['traces', 'systemd', 'lifecycle_spans', []],
    ['traces', 'journald', 'incident', []],
    ['traces', 'systemd, otlp', '', []],
    ['traces', 'self_telemetry', '', nothing('traces', `self_telemetry brings logs and metrics${spans}`)],
    ['metrics', 'journald', 'filter', nothing('metrics', 'journald brings logs')],
    ['logs', 'journald', '', []],
    ['all', 'journald', '', []],
  ])('%s of %s by way of %j', async (id, receivers, processors, expected) => {
    const yaml = `receivers: { ${receivers.replaceAll(/\w+/g, '$&: ')} }
processors: { ${processors === '' ? '' : `${processors}: `} }
exporters: { debug: }
service: { pipelines: { ${id}: { receivers: [${receivers}], processors: [${processors}], exporters: [debug] } } }
`
    expect(await said(yaml)).toEqual(expected)
  })

  test('carries spans of the agent itself where it makes them', async () => {
    const yaml = `receivers: { self_telemetry: { traces: { sampling_ratio: 1 } } }
exporters: { debug: }
service: { pipelines: { traces: { receivers: [self_telemetry], exporters: [debug] } } }
`
    expect(await said(yaml)).toEqual([])
  })
})

test('a state directory is the same wherever the agent is started', async () => {
  const yaml = `receivers: { systemd: }
exporters: { debug: }
service: { state_directory: state, pipelines: { a: { receivers: [systemd], exporters: [debug] } } }
`
  expect(await said(yaml)).toEqual([expect.stringContaining('service.state_directory: ')])
  expect(await said(yaml.replace('state,', '/var/lib/unitscope,'))).toEqual([])
})

describe('a maintenance window', () => {
  const yaml = (window: string): string => `receivers: { systemd: }
exporters: { debug: }
service:
  pipelines: { a: { receivers: [systemd], exporters: [debug] } }
  maintenance: [${window}]
`
  test.each([
    '{ from: "22:00", to: "02:00" }',
    '{ units: ["db*"], days: [sat, sun], from: 22:00, to: 02:00, time_zone: Europe/Berlin }',
    '{ from: 2026-12-24T22:00, to: 2026-12-27T08:00 }',
    '{ units: [crash.service, "app?", getty@tty1.service, home.mount], from: 22:00, to: 02:00 }',
  ])('is right: %s', async (window) => {
    expect(await said(yaml(window))).toEqual([])
  })

  test.each(['crash', 'app.v2'])('is warned of where %s can be no unit', async (name) => {
    expect(await said(yaml(`{ units: [db.service, ${name}], from: 22:00, to: 02:00 }`))).toEqual([
      expect.stringMatching(
        new RegExp(`^CFG_UNIT_NAME .*maintenance\\[0\\]\\.units\\[1\\]: .*did you mean "${name}\\.service"`),
      ),
    ])
  })

  test.each([
    ['{ from: "22:00" }', 'maintenance[0].to', 'is required'],
    [
      '{ from: "25:00", to: "02:00" }',
      'maintenance[0].from',
      '"25:00" is not a time such as 22:00, or one of a date such as 2026-12-24T22:00',
    ],
    [
      '{ from: "22:00", to: 2026-12-27T08:00 }',
      'maintenance[0].to',
      'must be a time alone, or one of a date, just as `from` is',
    ],
    ['{ from: 2026-12-24T22:00, to: 2026-12-24T22:00 }', 'maintenance[0].to', 'must be after `from`'],
    [
      '{ days: [mon], from: 2026-12-24T22:00, to: 2026-12-25T22:00 }',
      'maintenance[0].days',
      'is for windows of each week; `from` names a date',
    ],
    [
      '{ from: "22:00", to: "02:00", time_zone: Europe/Atlantis }',
      'maintenance[0].time_zone',
      'there is no time zone "Europe/Atlantis": IANA names them, such as Europe/Berlin or UTC',
    ],
    ['{ units: ["a[b"], from: "22:00", to: "02:00" }', 'maintenance[0].units[0]', '"a[b" is not the name of a unit'],
    ['{ day: [mon], from: "22:00", to: "02:00" }', 'maintenance[0].day', 'did you mean "days"?'],
  ])('is wrong, and it is said where: %s', async (window, key, reason) => {
    const [only, ...more] = await said(yaml(window))
    expect(more).toEqual([])
    expect(only).toContain(`service.${key}: `)
    expect(only).toContain(reason)
  })
})

test('a key of an earlier version is told by its new name', async () => {
  const yaml = `receivers: { systemd: }
processors: { crash_loop: { threshold: 3 } }
exporters: { debug: }
service: { pipelines: { a: { receivers: [systemd], processors: [crash_loop], exporters: [debug] } } }
`
  expect(await said(yaml)).toEqual([
    'CFG_UNKNOWN_KEY agent.yaml:2:29 processors.crash_loop.threshold: is called "restart_threshold" here',
  ])
})

test('keys of the Collector that have another name here are told by that', async () => {
  const yaml = `receivers: { self_telemetry: }
exporters: { otlp: { endpoint: "127.0.0.1:4317", sending_queue: { queue_size: 100, num_consumers: 4 } } }
service: { pipelines: { a: { receivers: [self_telemetry], exporters: [otlp] } } }
`
  expect(await said(yaml)).toEqual([
    'CFG_UNKNOWN_KEY agent.yaml:2:67 exporters.otlp.sending_queue.queue_size: is called "max_items" here',
    'CFG_UNKNOWN_KEY agent.yaml:2:84 exporters.otlp.sending_queue.num_consumers: is called "concurrency" here',
  ])
})

describe('what people write instead', () => {
  const host = (part: { processors?: string; named?: string; service?: string }): string =>
    [
      'receivers: { systemd: }',
      `processors: { ${part.processors ?? ''} }`,
      'exporters: { debug: }',
      'service:',
      `  pipelines: { units: { receivers: [systemd], processors: [${part.named ?? ''}], exporters: [debug] } }`,
      part.service ?? '',
    ].join('\n')
  const notATime = 'is not a time such as 22:00, or one of a date such as 2026-12-24T22:00'
  const notAnId = 'is not a component id; write a type in lower case, or type/name, such as otlp/backup'

  test.each([
    [
      'a time that YAML 1.1 has made a number of',
      { service: '  maintenance: [{ from: 1320, to: "23:00" }]' },
      [`CFG_TYPE agent.yaml:6:25 service.maintenance[0].from: "1320" ${notATime}: did you mean "13:20" or "22:00"?`],
    ],
    [
      'an hour of one digit',
      { service: '  maintenance: [{ from: "2:00", to: "23:00" }]' },
      [`CFG_VALUE agent.yaml:6:25 service.maintenance[0].from: "2:00" ${notATime}: did you mean "02:00"?`],
    ],
    [
      'a share in percent',
      { processors: 'periodic_crash: { max_jitter: 15% }', named: 'periodic_crash' },
      [
        'CFG_TYPE agent.yaml:2:45 processors.periodic_crash.max_jitter: expected a number, got the text "15%": did you mean 0.15?',
      ],
    ],
    [
      'a percentage in percent',
      { processors: 'memory_limiter: { limit_percentage: "15 %" }', named: 'memory_limiter' },
      [
        'CFG_TYPE agent.yaml:2:51 processors.memory_limiter.limit_percentage: expected a whole number, got the text "15 %": did you mean 15?',
      ],
    ],
    [
      'a type with a hyphen, said once',
      { processors: 'memory-leak: , crash-loop/web:', named: 'memory-leak, crash_loop/web' },
      [
        `CFG_VALUE agent.yaml:2:15 processors.memory-leak: ${notAnId}: did you mean "memory_leak"?`,
        `CFG_VALUE agent.yaml:2:30 processors.crash-loop/web: ${notAnId}: did you mean "crash_loop/web"?`,
      ],
    ],
    [
      'what is like nothing',
      { processors: 'Something else:', named: '' },
      [`CFG_VALUE agent.yaml:2:15 processors.Something…: ${notAnId}`],
    ],
  ])('%s', async (_, part, expected) => {
    expect(await said(host(part))).toEqual(expected)
  })
})

describe('a value is told as it was meant', () => {
  const secret = 'a user name or password has no place in it: use'
  const inCredentials = `${secret} credentials (user and password_file, token_file, nkey_file or creds_file)`

  test.each([
    ['exporters', 'nats: { servers: ["nats://user:hunter4@127.0.0.1:4222"] }', `nats.servers[0]: ${inCredentials}`],
    ['receivers', 'nats: { servers: ["tls://hunter4@127.0.0.1:4222"] }', `nats.servers[0]: ${inCredentials}`],
    [
      'exporters',
      'nats: { servers: ["http://user:hunter4@127.0.0.1:4222"] }',
      'nats.servers[0]: "http://***@127.0.0.1:4222" is not nats://host:4222 or tls://host:4222',
    ],
    [
      'exporters',
      'nats: { servers: "nats://user:hunter4@127.0.0.1:4222" }',
      'nats.servers: expected a list, got the text "nats://***@127.0.0.1:4222"',
    ],
    [
      'exporters',
      'prometheus_remote_write: { endpoint: "https://user:hunter4@h/write" }',
      `prometheus_remote_write.endpoint: ${secret} headers (Authorization) or header_files`,
    ],
    [
      'exporters',
      'otlp: { endpoint: "https://user:hunter4@h:4317" }',
      'otlp.endpoint: a user name has no place in it: use headers',
    ],
    [
      'exporters',
      'otlp: { endpoint: "127.0.0.1:4317", headers: { Authorization: "a" } }',
      'otlp.headers.Authorization: is not a gRPC header name',
    ],
    ['receivers', 'cgroup: { collection_interval: 0s }', 'cgroup.collection_interval: must be from 1s to 1h, is 0s'],
    [
      'receivers',
      'systemd: { poll_interval: 1s }',
      'systemd.poll_interval: must be from 5s to 1h, or 0s for never, is 1s',
    ],
    [
      'processors',
      'anomaly: { baseline_period: 5m }',
      'anomaly.baseline_period: must be at least 1h, is 5m: with fewer readings nothing is normal',
    ],
    [
      'receivers',
      'journald: { fields: [pid] }',
      'journald.fields[0]: "pid" is not the name of a field in capitals, such as _EXE',
    ],
  ])('%s: { %s }', async (section, written, expected) => {
    const yaml = `${section}: { ${written} }\nservice: { pipelines: { a: { receivers: [systemd], exporters: [debug] } } }\n`
    expect((await said(yaml)).filter((line) => line.includes(` ${section}.`))).toEqual([
      expect.stringContaining(` ${section}.${expected}`),
    ])
  })

  test('what a pattern asks for is said in words', async () => {
    const silent: string[] = []
    const visit = (schema: Schema, path: string): void => {
      if ('anyOf' in schema) for (const branch of schema.anyOf) visit(branch, path)
      else if ('items' in schema) visit(schema.items, `${path}[]`)
      else if ('additionalProperties' in schema) visit(schema.additionalProperties, `${path}.*`)
      else if ('properties' in schema)
        for (const [key, its] of Object.entries(schema.properties)) visit(its, `${path}.${key}`)
      else if ('pattern' in schema && !('form' in schema) && !/^\^\(?\//.test(schema.pattern ?? '')) silent.push(path)
    }
    for (const { load } of registrations) {
      const { type, configSchema } = await load()
      visit(configSchema, type)
    }
    visit(serviceSchema, 'service')
    expect(silent).toEqual([])
  })
})

describe('an exporter that names an extension', () => {
  const yaml = (storage: string, extensions: string, listed: string): string =>
    [
      'receivers: { systemd: }',
      'exporters:',
      `  otlp: { endpoint: "127.0.0.1:4317", sending_queue: { storage: ${storage}, overflow: drop_oldest } }`,
      `extensions: { ${extensions} }`,
      `service: { extensions: [${listed}], pipelines: { logs: { receivers: [systemd], exporters: [otlp] } } }`,
    ].join('\n')
  const at = 'CFG_REFERENCE agent.yaml:3:65 exporters.otlp.sending_queue.storage'

  test.each([
    ['that is there', 'file_queue', 'file_queue:', 'file_queue', undefined],
    [
      'that is misspelled',
      'file_que',
      'file_queue:',
      'file_queue',
      `${at}: there is no extension "file_que": did you mean "file_queue"?`,
    ],
    [
      'where there is none',
      'file_queue',
      '',
      '',
      `${at}: there is no extension "file_queue"; "extensions:" must define it, there is none`,
    ],
    [
      'that is not started',
      'file_queue',
      'file_queue:',
      '',
      `${at}: the extension "file_queue" is not started: add it to service.extensions`,
    ],
  ])('%s', async (_, storage, extensions, listed, expected) => {
    const found = (await said(yaml(storage, extensions, listed))).filter((line) => !line.startsWith('CFG_UNUSED'))
    expect(found).toEqual(expected === undefined ? [] : [expected])
  })
})

describe('spans of the agent that are made', () => {
  const yaml = (id: string, ratio: number): string => `receivers:
  self_telemetry: { traces: { sampling_ratio: ${ratio} } }
exporters: { debug: }
service: { pipelines: { ${id}: { receivers: [self_telemetry], exporters: [debug] } } }
`
  test.each([
    ['traces/self', 0.5, []],
    ['all', 0.5, []],
    ['metrics', 0, []],
    [
      'metrics',
      0.5,
      [
        'CFG_INPUT agent.yaml:2:3 receivers.self_telemetry: its spans go nowhere: no pipeline that carries traces has it; add one, e.g. traces/self',
      ],
    ],
  ])('are carried by a pipeline: %s with a share of %f', async (id, ratio, expected) => {
    expect(await said(yaml(id, ratio))).toEqual(expected)
  })
})
