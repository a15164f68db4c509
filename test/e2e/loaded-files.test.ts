import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { packageRoot } from '../lab/lab.js'
import { startAgent, Workspace } from './agent.js'
import { sourcesLoadedBy } from './loaded.js'

// What no pipeline names costs no memory: it is never loaded. Looked at in the program as it ships.

const recording = join(packageRoot, 'test/fixtures/recordings/lab.usrec.gz')

interface Loaded {
  readonly components: readonly string[]
  /** Folders of src/lib of which more is loaded than the schema, which each configuration needs. */
  readonly libraries: readonly string[]
  readonly packages: readonly string[]
  /** What reads secrets from files, and looks at them again and again. */
  readonly secretFiles: boolean
}

/** What is loaded in a run of `unitscope <argv>` with this configuration, for so long. */
async function loadedBy(command: string, config: object, time = '1s'): Promise<Loaded> {
  const workspace = new Workspace()
  try {
    const file = workspace.writeConfig(config)
    const sources = await sourcesLoadedBy(async (env) => {
      const argv = command === 'run' ? ['run', '--config', file, '--for', time] : [command, '--config', file]
      const agent = startAgent(argv, { env })
      expect(await agent.exited, agent.stderr).toMatchObject({ code: 0 })
    })
    const named = (pattern: RegExp) => [...new Set(sources.flatMap((source) => pattern.exec(source)?.[1] ?? []))]
    return {
      components: named(/^src\/((?:receivers|processors|exporters|extensions)\/[^/]+)\//),
      libraries: named(/^src\/lib\/([^/]+)\/(?!schema\.ts$)/),
      packages: named(/node_modules\/((?:@[^/]+\/)?[^/]+)\/(?!.*node_modules)/),
      secretFiles: sources.some((source) => source.startsWith('src/lib/credentials/secret-files')),
    }
  } finally {
    workspace.remove()
  }
}

const pipeline = (receivers: string[], processors: string[], exporters: string[]) => ({
  service: { pipelines: { main: { receivers, processors, exporters } } },
})

test('a run loads the components of its pipelines and no other', async () => {
  const { components, packages } = await loadedBy('run', {
    receivers: { replay: { file: recording, speed: 'max' } },
    processors: { crash_loop: {} },
    exporters: { debug: {} },
    ...pipeline(['replay'], ['crash_loop'], ['debug']),
  })
  expect(components).toEqual(['exporters/debug', 'processors/crash_loop', 'receivers/replay'])
  expect(packages).not.toContain('@marcbachmann/cel-js')
})

const nobody = { endpoint: 'http://127.0.0.1:1', sending_queue: { shutdown_timeout: '100ms' } }

test.each([
  ['otlp', nobody, ['grpc', 'sockets']],
  ['otlp', { ...nobody, protocol: 'http' }, ['http', 'sockets']],
  ['debug', {}, []],
])('of the protocols the one that is spoken comes with its exporter: %s %o', async (type, config, wanted) => {
  const { components, libraries, packages, secretFiles } = await loadedBy('run', {
    receivers: { replay: { file: recording, speed: 'max' } },
    exporters: { [type]: config },
    ...pipeline(['replay'], [], [type]),
  })
  expect(components).toEqual([`exporters/${type}`, 'receivers/replay'])
  const transports = ['grpc', 'http', 'sockets', 'tls']
  expect(libraries.filter((library) => transports.includes(library)).sort()).toEqual(wanted)
  expect(secretFiles).toBe(false)
  expect(packages).not.toContain('@grpc/grpc-js')
})

test('secrets are read from files where some are named', async () => {
  const workspace = new Workspace()
  try {
    const token = workspace.path('token')
    writeFileSync(token, 'sk-0123456789', { mode: 0o600 })
    const { secretFiles } = await loadedBy('run', {
      receivers: { replay: { file: recording, speed: 'max' } },
      exporters: { otlp: { ...nobody, bearer_token_file: token } },
      ...pipeline(['replay'], [], ['otlp']),
    })
    expect(secretFiles).toBe(true)
  } finally {
    workspace.remove()
  }
})

test('remote write takes neither gRPC nor a server', async () => {
  const { components, libraries, packages } = await loadedBy('run', {
    receivers: { replay: { file: recording, speed: 'max' } },
    exporters: {
      prometheus_remote_write: {
        endpoint: 'http://127.0.0.1:1/write',
        sending_queue: { shutdown_timeout: '100ms' },
      },
    },
    ...pipeline(['replay'], [], ['prometheus_remote_write']),
  })
  expect(components).toEqual(['exporters/prometheus_remote_write', 'receivers/replay'])
  expect(libraries).not.toContain('grpc')
  expect(packages).not.toContain('snappyjs')
})

test('the client of NATS is loaded with the first connection, not to check a configuration', async () => {
  const config = {
    receivers: { replay: { file: recording, speed: 'max' } },
    exporters: { nats: { servers: ['nats://127.0.0.1:1'], sending_queue: { shutdown_timeout: '100ms' } } },
    ...pipeline(['replay'], [], ['nats']),
  }
  // It is loaded while the agent runs already, and not waited for at its end.
  expect((await loadedBy('run', config, '4s')).packages).toContain('@nats-io/nats-core')
  expect((await loadedBy('validate', config)).packages).not.toContain('@nats-io/nats-core')
})

test('to check a configuration takes no transport', async () => {
  const { components, libraries } = await loadedBy('validate', {
    receivers: { systemd: {} },
    exporters: { prometheus: {} },
    ...pipeline(['systemd'], [], ['prometheus']),
  })
  expect(components).toEqual(['exporters/prometheus', 'receivers/systemd'])
  expect(libraries).not.toContain('grpc')
})
