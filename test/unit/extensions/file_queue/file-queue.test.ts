import {
  chmodSync,
  chownSync,
  lchownSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { parseComponentId } from '../../../../src/component/id.js'
import { RefusalError } from '../../../../src/errors.js'
import { type Config, check, schema } from '../../../../src/extensions/file_queue/config.js'
import { createFileQueue } from '../../../../src/extensions/file_queue/file-queue.js'
import type { QueueOwner } from '../../../../src/lib/queue/owner.js'
import { queueStorages } from '../../../../src/lib/queue/storage.js'
import { createTestConfig } from '../../../../src/testkit/create-test-config.js'
import { type RecordingTelemetry, TestHost, testSettings } from '../../../../src/testkit/test-settings.js'
import { SimulatedDisk } from '../../../support/simulated-disk.js'

const folders: string[] = []
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true })
})

function tempFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'unitscope-queue-'))
  folders.push(folder)
  return folder
}

const exporter = parseComponentId('exporter', 'otlp/a.b')!
const owner: QueueOwner = {
  evict() {},
  signalsOf: ({ items }) => ({ logs: items }),
  dropped() {},
  error() {},
  trouble() {},
  damaged() {},
  found() {},
  known() {},
}

function setUp(config: Partial<Config>, disk?: SimulatedDisk, part = {}) {
  const settings = testSettings('extension', 'file_queue/x', part)
  const telemetry = settings.telemetry as RecordingTelemetry
  const extension = createFileQueue(settings, { ...(createTestConfig(schema) as Config), ...config }, disk)
  const host = new TestHost()
  return {
    extension,
    host,
    telemetry,
    settings,
    get storage() {
      return settings.shared.get(queueStorages).get('file_queue/x')!
    },
  }
}

test('each exporter has a folder of its own, which nobody else can look into', async () => {
  const directory = join(tempFolder(), 'queue')
  const one = setUp({ directory })
  const { extension, host } = one
  await extension.start(host)
  const { storage } = one
  const opened = await storage.open(exporter, 'block', owner)
  if (!('queue' in opened)) throw new Error('volatile')
  await opened.queue.append(
    [{ kind: 1, items: 1, signals: { logs: 1 }, chunks: [Buffer.from('x')], byteLength: 1 }],
    () => false,
  )
  const own = join(directory, 'exporter.otlp%2fa%2eb')
  for (const [path, mode] of [
    [directory, 0o700],
    [own, 0o700],
    [join(own, '0000000001.log'), 0o600],
    [join(own, '0000000001.done'), 0o600],
    [join(own, 'lock'), 0o600],
  ] as const)
    expect([path, statSync(path).mode & 0o777]).toEqual([path, mode])
  await expect(storage.open(exporter, 'block', owner)).rejects.toThrow('another agent uses it')
  await opened.queue.close()
  const again = await storage.open(exporter, 'block', owner)
  if (!('queue' in again)) throw new Error('volatile')
  expect(again.restored).toBe(1)
  await again.queue.close()
  await extension.shutdown()
})

test('the state directory is its place where none is named; without either the start is refused', async () => {
  const stateDirectory = tempFolder()
  const { extension, host } = setUp({}, undefined, { stateDirectory })
  await extension.start(host)
  expect(statSync(join(stateDirectory, 'queue')).isDirectory()).toBe(true)
  await expect(setUp({}).extension.start(new TestHost())).rejects.toThrow(RefusalError)
})

test('a state directory that is not there yet is made; what is above it is not this agent to make', async () => {
  const stateDirectory = join(tempFolder(), 'state')
  await setUp({}, undefined, { stateDirectory }).extension.start(new TestHost())
  for (const path of [stateDirectory, join(stateDirectory, 'queue')]) expect(statSync(path).mode & 0o777).toBe(0o700)

  const above = join(tempFolder(), 'not-mounted')
  const start = setUp({ directory: join(above, 'queue') }).extension.start(new TestHost())
  // Not a RefusalError, after which nobody starts the agent again: the folder may be mounted later.
  const error = await start.catch((thrown: unknown) => thrown)
  expect(error).not.toBeInstanceOf(RefusalError)
  expect(String(error)).toContain(`there is no folder ${above} to make queue in`)
})

test('a folder that cannot be made is refused, with the reason', async () => {
  const file = join(tempFolder(), 'file')
  writeFileSync(file, '')
  const start = setUp({ directory: join(file, 'queue') }).extension.start(new TestHost())
  await expect(start).rejects.toThrow(
    new RefusalError(`the folder ${file}/queue cannot be made: ${file} is not a folder`),
  )
})

test('a folder that others may write to, or that is a link, is refused', async () => {
  const open = join(tempFolder(), 'open')
  mkdirSync(open)
  chmodSync(open, 0o777)
  const link = join(tempFolder(), 'link')
  symlinkSync(tempFolder(), link)
  for (const directory of [open, join(open, 'below'), link])
    await expect(setUp({ directory }).extension.start(new TestHost())).rejects.toThrow(RefusalError)
})

test('a folder that stands in one on another disk, by way of a link, is taken; but not by one that others may change', async () => {
  const link = join(tempFolder(), 'link')
  symlinkSync(tempFolder(), link)
  const directory = join(link, 'queue')
  await setUp({ directory }).extension.start(new TestHost())
  expect(statSync(directory).isDirectory()).toBe(true)
  // A link to a folder in one that itself is behind a link: `..` leads from where it really stands.
  const root = tempFolder()
  for (const path of ['disk/lib', 'disk/state']) mkdirSync(join(root, path), { recursive: true })
  symlinkSync('disk/lib', join(root, 'lib'))
  symlinkSync('../state', join(root, 'disk/lib/unitscope'))
  await setUp({ directory: join(root, 'lib/unitscope/queue') }).extension.start(new TestHost())
  expect(statSync(join(root, 'disk/state/queue')).isDirectory()).toBe(true)
  // Only root can give links away.
  if (process.geteuid?.() !== 0) return
  lchownSync(link, 65_534, 65_534)
  await expect(setUp({ directory }).extension.start(new TestHost())).rejects.toThrow(
    new RefusalError(
      `${link} belongs to user 65534, and this is user 0: run as that one, choose another folder, or chown it`,
    ),
  )
})

test("a folder whose group may write to it, or that is somebody else's, is refused, and so is what is below", async () => {
  const shared = join(tempFolder(), 'shared')
  mkdirSync(shared)
  chmodSync(shared, 0o770)
  const foreign = join(tempFolder(), 'foreign')
  mkdirSync(foreign)
  // Only root can give folders away.
  const owned = process.geteuid?.() === 0
  if (owned) chownSync(foreign, 65_534, 65_534)
  const cases = [
    [shared, 'its group may write'] as const,
    ...(owned ? [[foreign, 'belongs to user 65534'] as const] : []),
  ]
  for (const [folder, reason] of cases)
    for (const directory of [folder, join(folder, 'below')]) {
      const started = setUp({ directory }).extension.start(new TestHost())
      await expect(started).rejects.toThrow(RefusalError)
      await expect(setUp({ directory }).extension.start(new TestHost())).rejects.toThrow(reason)
    }
})

test('a disk that is read-only: refused, or in memory where that is allowed, and said', async () => {
  const disk = new SimulatedDisk()
  disk.prepareFolder = async () => {
    throw Object.assign(new Error('EROFS'), { code: 'EROFS' })
  }
  const directory = '/queue'
  await expect(setUp({ directory }, disk).extension.start(new TestHost())).rejects.toThrow(/EROFS.*allow_volatile/)
  const one = setUp({ directory, allow_volatile: true }, disk)
  const { extension, host, telemetry } = one
  await extension.start(host)
  expect(host.last).toMatchObject({ state: 'degraded' })
  expect(telemetry.gauges.get('volatile')!()).toBe(1)
  expect(await one.storage.open(exporter, 'block', owner)).toMatchObject({ volatile: expect.stringContaining('EROFS') })
})

test('limits of its configuration', () => {
  const complaints = (config: Partial<Config>) =>
    check({ ...(createTestConfig(schema) as Config), ...config }).map(({ path }) => path.join('.'))
  expect(complaints({})).toEqual([])
  expect(complaints({ max_bytes: 2 ** 20 - 1 })).toEqual(['max_bytes'])
  expect(complaints({ fsync_interval: 9 })).toEqual(['fsync_interval'])
  expect(complaints({ fsync_interval: 60_001 })).toEqual(['fsync_interval'])
})

test('one that is made for a changed configuration and never started takes nobody the queues away', async () => {
  const running = setUp({ directory: join(tempFolder(), 'queue') })
  await running.extension.start(running.host)
  const { storage } = running
  createFileQueue(running.settings, { ...(createTestConfig(schema) as Config), directory: join(tempFolder(), 'new') })
  expect(running.storage).toBe(storage)
  await running.extension.shutdown()
  expect(running.storage).toBeUndefined()
})
