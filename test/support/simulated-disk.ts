import { basename, dirname } from 'node:path'
import type { Disk, DiskFile } from '../../src/lib/queue/disk.js'

/** One call that changes the disk, in the order in which they ended. */
export type Operation =
  | { readonly kind: 'create' | 'remove' | 'sync' | 'syncFolder'; readonly path: string }
  | { readonly kind: 'write'; readonly path: string; readonly position: number; readonly bytes: Buffer }
  | { readonly kind: 'truncate'; readonly path: string; readonly size: number }
  | { readonly kind: 'link'; readonly path: string; readonly as: string }

export interface Faults {
  /** Error code of the next such call, asked before each; undefined: it works. */
  fail?: (kind: Operation['kind'] | 'read' | 'open', path: string) => string | undefined
  /** A write or a read begins when this resolves. */
  slow?: (path: string) => Promise<void>
  /** Of all files together, in bytes; what does not fit any more fails with ENOSPC, in the middle of a write. */
  capacity?: number
}

/** A disk in memory that remembers every change, so that it can say what a power cut at any time would have left. */
export class SimulatedDisk implements Disk {
  readonly files = new Map<string, Buffer>()
  readonly operations: Operation[] = []
  readonly faults: Faults = {}
  /** Files that are open now. */
  open = 0
  readonly #locked = new Set<string>()

  async prepareFolder(): Promise<void> {}

  async list(folder: string): Promise<readonly string[]> {
    return [...this.files.keys()].filter((path) => dirname(path) === folder).map((path) => basename(path))
  }

  async openFile(path: string, create: boolean): Promise<DiskFile> {
    if (create) {
      this.#ask('create', path)
      if (this.files.has(path)) throw failure('EEXIST')
      this.#do({ kind: 'create', path })
    } else {
      if (!this.files.has(path)) throw failure('ENOENT')
      this.#ask('open', path)
    }
    this.open++
    let closed = false
    const content = (): Buffer => this.files.get(path) ?? Buffer.alloc(0)
    const stillOpen = (): void => {
      if (closed) throw failure('EBADF')
    }
    return {
      write: async (chunks, position) => {
        await this.faults.slow?.(path)
        stillOpen()
        const whole = Buffer.concat(chunks)
        const room = this.#room(path, position)
        if (room < whole.length && room > 0) this.#do({ kind: 'write', path, position, bytes: whole.subarray(0, room) })
        if (room < whole.length) throw failure('ENOSPC')
        this.#ask('write', path)
        this.#do({ kind: 'write', path, position, bytes: whole })
      },
      read: async (position, length) => {
        await this.faults.slow?.(path)
        stillOpen()
        this.#ask('read', path)
        return Buffer.from(content().subarray(position, position + length))
      },
      size: async () => content().length,
      truncate: async (size) => {
        stillOpen()
        this.#ask('truncate', path)
        this.#do({ kind: 'truncate', path, size })
      },
      sync: async () => {
        stillOpen()
        this.#ask('sync', path)
        this.#do({ kind: 'sync', path })
      },
      close: async () => {
        if (!closed) this.open--
        closed = true
      },
    }
  }

  async remove(path: string): Promise<void> {
    this.#ask('remove', path)
    if (!this.files.has(path)) throw failure('ENOENT')
    this.#do({ kind: 'remove', path })
  }

  async link(path: string, as: string): Promise<void> {
    this.#ask('link', path)
    this.#do({ kind: 'link', path, as })
  }

  async syncFolder(path: string): Promise<void> {
    this.#ask('syncFolder', path)
    this.#do({ kind: 'syncFolder', path })
  }

  async lock(path: string): Promise<() => Promise<void>> {
    if (this.#locked.has(path)) throw new Error(`another agent uses it: ${path} is locked`)
    this.#locked.add(path)
    return async () => void this.#locked.delete(path)
  }

  /** What a process that starts after `kill -9` finds: all that was written. */
  afterKill(): SimulatedDisk {
    const disk = new SimulatedDisk()
    for (const [path, bytes] of this.files) disk.files.set(path, Buffer.from(bytes))
    return disk
  }

  /**
   * What is there when the power went after the first `count` operations: what was synced by then, and of the rest what `keep`
   * says, for a disk writes in any order.
   */
  afterPowerCut(count: number, keep: (operation: Operation) => boolean): SimulatedDisk {
    const done = this.operations.slice(0, count)
    const disk = new SimulatedDisk()
    for (const [at, operation] of done.entries())
      if (isSynced(operation, done.slice(at + 1)) || keep(operation)) disk.#apply(operation)
    return disk
  }

  #room(path: string, position: number): number {
    const { capacity } = this.faults
    if (capacity === undefined) return Number.POSITIVE_INFINITY
    const others = [...this.files].reduce((sum, [name, bytes]) => sum + (name === path ? 0 : bytes.length), 0)
    return Math.max(capacity - others, this.files.get(path)?.length ?? 0) - position
  }

  #ask(kind: Operation['kind'] | 'read' | 'open', path: string): void {
    const code = this.faults.fail?.(kind, path)
    if (code !== undefined) throw failure(code)
  }

  #do(operation: Operation): void {
    this.operations.push(operation)
    this.#apply(operation)
  }

  #apply(operation: Operation): void {
    const { files } = this
    switch (operation.kind) {
      case 'create':
        files.set(operation.path, Buffer.alloc(0))
        return
      case 'remove':
        files.delete(operation.path)
        return
      case 'link':
        files.set(operation.as, files.get(operation.path) ?? Buffer.alloc(0))
        return
      case 'write': {
        const old = files.get(operation.path)
        if (old === undefined) return // its name did not survive
        const size = Math.max(old.length, operation.position + operation.bytes.length)
        const grown = Buffer.alloc(size)
        old.copy(grown)
        operation.bytes.copy(grown, operation.position)
        files.set(operation.path, grown)
        return
      }
      case 'truncate': {
        const old = files.get(operation.path)
        if (old !== undefined) files.set(operation.path, Buffer.from(old.subarray(0, operation.size)))
        return
      }
      case 'sync':
      case 'syncFolder':
        return
    }
  }
}

function isSynced(operation: Operation, later: readonly Operation[]): boolean {
  if (operation.kind === 'sync' || operation.kind === 'syncFolder') return true
  if (operation.kind === 'write' || operation.kind === 'truncate')
    return later.some((one) => one.kind === 'sync' && one.path === operation.path)
  return later.some((one) => one.kind === 'syncFolder' && one.path === dirname(operation.path))
}

function failure(code: string): Error {
  return Object.assign(new Error(code), { code })
}
