import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { loadConfig } from '../../../src/config/config.js'
import { formatProblem } from '../../../src/errors.js'
import { registrations } from '../../../src/registry.js'

// Files of this machine that a configuration names: what `run` would not start for is said by `validate`, with its place.

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'unitscope-files-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

function write(name: string, text: string, mode = 0o600): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  chmodSync(path, mode)
  return path
}

/** All warnings of this code; the folder's name is left out. */
async function said(yaml: string, env: Record<string, string> = {}, code = 'CFG_ENVIRONMENT'): Promise<string[]> {
  const { warnings } = await loadConfig(write('agent.yaml', yaml), registrations, env)
  return warnings.filter((one) => one.code === code).map((one) => formatProblem(one).replaceAll(`${folder}/`, ''))
}

const exporter = (type: string, settings: string): string =>
  `receivers: { systemd: }\nexporters:\n  ${type}:\n    ${settings}\nservice: { pipelines: { logs: { receivers: [systemd], exporters: [${type}] } } }\n`
const otlp = (settings: string): string => exporter('otlp', `{ endpoint: "127.0.0.1:4317", ${settings} }`)
const receiver = (type: string, settings: string): string =>
  `receivers: { ${type}: ${settings} }\nexporters: { debug: }\nservice: { pipelines: { logs: { receivers: [${type}], exporters: [debug] } } }\n`

describe('files that are not there', () => {
  test.each([
    [otlp('bearer_token_file: /nope/tok'), '4:54 exporters.otlp.bearer_token_file'],
    [otlp('header_files: { x-key: /nope/tok }'), '4:58 exporters.otlp.header_files.x-key'],
    [otlp('tls: { ca_file: /nope/tok }'), '4:51 exporters.otlp.tls.ca_file'],
    [exporter('nats', 'credentials: { creds_file: /nope/tok }'), '4:32 exporters.nats.credentials.creds_file'],
    [exporter('nats', 'credentials: { token_file: /nope/tok }'), '4:32 exporters.nats.credentials.token_file'],
    [receiver('nats', '{ tls: { ca_file: /nope/tok } }'), '1:38 receivers.nats.tls.ca_file'],
    [receiver('otlp', '{ token_file: /nope/tok }'), '1:34 receivers.otlp.token_file'],
    [receiver('replay', '{ file: /nope/tok }'), '1:30 receivers.replay.file'],
  ])('%j', async (yaml, place) => {
    expect(await said(yaml)).toEqual([`agent.yaml:${place}: run would not start here: /nope/tok does not exist`])
  })

  test('a certificate and its key', async () => {
    expect(await said(otlp('tls: { cert_file: /nope/c.pem, key_file: /nope/k.pem }'))).toEqual([
      'agent.yaml:4:53 exporters.otlp.tls.cert_file: run would not start here: /nope/c.pem does not exist',
      'agent.yaml:4:76 exporters.otlp.tls.key_file: run would not start here: /nope/k.pem does not exist',
    ])
  })

  test('by the name of the variable where one names the file', async () => {
    expect(await said(receiver('replay', '{ file: "${env:RECORDING}" }'), { RECORDING: '/nope' })).toEqual([
      'agent.yaml:1:30 receivers.replay.file: run would not start here: ${env:RECORDING} does not exist',
    ])
  })

  test('of a relative path also where it was looked for', async () => {
    expect(await said(receiver('replay', '{ file: no.usrec }'))).toEqual([
      `agent.yaml:1:30 receivers.replay.file: run would not start here: no.usrec does not exist (looked for in ${process.cwd()})`,
    ])
  })

  test('are not asked for where no pipeline has the component', async () => {
    const yaml = otlp('bearer_token_file: /nope/tok').replace('exporters: [otlp]', 'exporters: [debug]')
    expect(await said(yaml.replace('exporters:\n', 'exporters:\n  debug:\n'))).toEqual([])
  })
})

describe('files that would be refused', () => {
  const token = (path: string): string => otlp(`bearer_token_file: ${path}`)
  const refused = (reason: string): string[] => [
    `agent.yaml:4:54 exporters.otlp.bearer_token_file: run would not start here: ${reason}`,
  ]

  test('a secret, or a certificate, that every user may write', async () => {
    const path = write('open', 'abc', 0o602)
    const reason = 'open can be written by every user of this machine: chmod o-w'
    expect(await said(token(path))).toEqual(refused(reason))
    expect(await said(otlp(`tls: { ca_file: ${path} }`))).toEqual([
      `agent.yaml:4:51 exporters.otlp.tls.ca_file: run would not start here: ${reason}`,
    ])
  })

  test('a secret that is none', async () => {
    expect(await said(token(write('empty', '\n')))).toEqual(refused('empty is empty'))
    mkdirSync(join(folder, 'dir'))
    expect(await said(token(join(folder, 'dir')))).toEqual(refused('dir is a directory'))
    expect(await said(receiver('replay', `{ file: ${join(folder, 'dir')} }`))).toEqual([
      'agent.yaml:1:30 receivers.replay.file: run would not start here: dir is a directory',
    ])
  })
})

test('nothing is said of files that are in order, of whatever kind and by way of a link', async () => {
  const secret = write('token', 'abc\n')
  symlinkSync(secret, join(folder, 'link'))
  const pem = write('ca.pem', '-----BEGIN CERTIFICATE-----\n', 0o644)
  expect(await said(otlp(`bearer_token_file: ${join(folder, 'link')}, tls: { ca_file: ${pem} }`))).toEqual([])
  expect(await said(receiver('replay', `{ file: ${write('x.usrec', '')} }`))).toEqual([])
})

test('the folder of a file that is written must be there', async () => {
  const file = (path: string): string => exporter('file', `path: ${path}`)
  const place = 'agent.yaml:4:11 exporters.file.path:'
  expect(await said(file('/etc/records.jsonl'))).toEqual([])
  for (const missing of ['/no/such/folder', '/etc/passwd'])
    expect(await said(file(`${missing}/records.jsonl`))).toEqual([
      `${place} there is no folder ${missing} here; create it, or let systemd do it (LogsDirectory=): run does not start without it`,
    ])
  const long = `/${'x'.repeat(300)}`
  expect(await said(file(`${long}/records.jsonl`))).toEqual([
    `${place} run would not start here: ${long} has a path that is too long`,
  ])
})

describe('the folder of queues', () => {
  const queue = (path: string): string =>
    otlp('sending_queue: { storage: file_queue }')
      .replace('service: {', 'service: { extensions: [file_queue],')
      .concat(`extensions:\n  file_queue:\n    directory: ${path}\n`)
  const made = (name: string, mode: number): string => {
    mkdirSync(join(folder, name))
    chmodSync(join(folder, name), mode)
    return join(folder, name)
  }
  const warning = (reason: string): string[] => [`agent.yaml:8:16 extensions.file_queue.directory: ${reason}`]

  test('is made in one that is there, also where that is a link to another disk', async () => {
    symlinkSync(made('disk', 0o700), join(folder, 'link'))
    for (const path of [join(folder, 'queue'), made('there', 0o700), join(folder, 'link/queue')])
      expect(await said(queue(path)), path).toEqual([])
    expect(existsSync(join(folder, 'queue'))).toBe(false)
  })

  test('must be ours alone, and so what it stands in', async () => {
    const open = made('open', 0o777)
    const shared = made('shared', 0o770)
    expect(await said(queue(open))).toEqual(
      warning('run would not start here: everybody may write to open: choose another folder, or chmod o-w'),
    )
    expect(await said(queue(`${shared}/queue`))).toEqual(
      warning('run would not start here: its group may write to shared: choose another folder, or chmod g-w'),
    )
  })

  test('must not be a link, a file, or the kernel’s', async () => {
    symlinkSync(made('disk', 0o700), join(folder, 'link'))
    for (const end of ['', '/', '/.'])
      expect(await said(queue(join(folder, 'link') + end)), end).toEqual(
        warning('run would not start here: link is not a folder'),
      )
    expect(await said(queue(write('file', '')))).toEqual(
      warning('run would not start here, or keep nothing: file is not a directory'),
    )
    expect(await said(queue('/proc/queue'))).toEqual(
      warning("run would not start here, or keep nothing: /proc is the kernel's, which keeps no files"),
    )
    expect(await said(queue('/no/such/queue'))).toEqual(
      warning(
        'run would not start here, or keep nothing: /no/such does not exist; create it, or let systemd do it (StateDirectory=)',
      ),
    )
  })
})

test.each([
  ['file', 'path: ${env:LOGS}', 'path: there is no folder of ${env:LOGS} here'],
  ['file', 'path: "${env:ROOT}/x/records.jsonl"', 'path: there is no folder of ${env:ROOT} here'],
  [
    'otlp',
    '{ endpoint: "h:1", bearer_token_file: "${env:ROOT}/token" }',
    'bearer_token_file: run would not start here: ${env:ROOT} does not exist',
  ],
])('what a variable holds is not told, but what is the matter: %s %s', async (type, settings, reason) => {
  const env = { LOGS: '/no/such/folder/records.jsonl', ROOT: '/abc12' }
  const [warning, ...more] = await said(exporter(type, settings), env)
  expect(warning).toContain(`exporters.${type}.${reason}`)
  expect([warning?.match(/abc12|such/), more]).toEqual([null, []])
})

test.each([
  ['exporters.otlp', otlp('bearer_token_file: s3cret-token'), 'bearer_token_file'],
  ['exporters.otlp', otlp('header_files: { x-key: s3cret-token }'), 'header_files.x-key'],
  ['exporters.nats', exporter('nats', 'credentials: { token_file: s3cret-token }'), 'credentials.token_file'],
  ['receivers.otlp', receiver('otlp', '{ token_file: s3cret-token }'), 'token_file'],
])('a secret where its file is wanted is not told: %s %#', async (place, yaml, key) => {
  const error = await loadConfig(write('agent.yaml', yaml), registrations, {}).catch((one: unknown) => one)
  expect(String(error)).toContain(`${place}.${key}: must be an absolute path, not the secret itself`)
  expect(String(error)).not.toContain('s3cret')
})

test('nothing is said of what systemd brings when it starts the service, nor of how a PEM file is written', async () => {
  expect(await said(otlp('bearer_token_file: /run/credentials/unitscope.service/token'))).toEqual([])
  const key = join(folder, 'key.pem')
  writeFileSync(key, Buffer.from('# M\xfcller\n-----BEGIN PRIVATE KEY-----\n', 'latin1'), { mode: 0o600 })
  const cert = write('cert.pem', '-----BEGIN CERTIFICATE-----\n', 0o644)
  expect(await said(otlp(`tls: { cert_file: ${cert}, key_file: ${key} }`))).toEqual([])
})

describe('a state directory', () => {
  const state = (path: string): string =>
    receiver('systemd', '').replace('service: {', `service:\n  { state_directory: "${path}",`)

  test.each([
    ['/proc/nope', "/proc is the kernel's, which keeps no files"],
    ['/sys', "/sys is the kernel's, which keeps no files"],
    ['/no/such/folder', '/no/such does not exist; create it, or let systemd do it (StateDirectory=)'],
    ['/etc/passwd', '/etc/passwd is not a directory'],
    ['/etc/passwd/x', '/etc/passwd/x does not exist: a part of its path is not a directory'],
  ])('%s', async (path, reason) => {
    expect(await said(state(path))).toEqual([
      `agent.yaml:4:22 service.state_directory: nothing would be kept here: ${reason}`,
    ])
  })

  test('that can be made, or is there, is as it should be; nothing is made', async () => {
    expect(await said(state(folder))).toEqual([])
    expect(await said(state(join(folder, 'state')))).toEqual([])
    expect(await said(state(`${folder}/state/`))).toEqual([])
    expect(existsSync(join(folder, 'state'))).toBe(false)
  })
})
