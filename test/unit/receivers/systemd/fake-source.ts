import type { OnRecords, ReaderOptions, SignalReader, SignalStats } from '../../../../src/binding/signal-source.js'
import type { SignalRecord, UnitState } from '../../../../src/data/signal-record.js'
import { CallError, type ControlPlane, type Properties } from '../../../../src/lib/systemd/control-plane.js'
import { unloadedState } from '../../../../src/lib/systemd/unit-phase.js'
import type { SystemdSource } from '../../../../src/receivers/systemd/systemd-receiver.js'

const times = { realtimeNs: 1_700_000_000_000_000_000n, boottimeNs: 1n }
const idle: SignalStats = {
  bytes: 0,
  messages: 0,
  matched: 0,
  filtered: 0,
  suppressed: 0,
  records: 0,
  dropped: 0,
  buffered: 0,
  backpressure: 0,
  rejected: {},
  units: 0,
  unknownTexts: 0,
  nativeBytes: 0,
}

/**
 * A bus and a systemd in memory, for what a real one does not do on demand: hang, forget a signal, lose records.
 * `units` is what systemd answers when asked; signals are what a test sends.
 */
export class FakeSource implements SystemdSource {
  readonly units = new Map<string, Partial<UnitState>>()
  /** Dependencies by unit, then by property. */
  readonly dependencies = new Map<string, Readonly<Record<string, readonly string[]>>>()
  manager: Properties = { SystemState: 'running', Version: '252.39-1', FinishTimestamp: 1n }
  /** Questions asked, by member. */
  readonly asked: string[] = []
  /** Units by what was read of them, each time: a whole state, the configuration, what they need, who needs them, UnitFileState. */
  readonly read = {
    states: [] as string[],
    configurations: [] as string[],
    dependencies: [] as string[],
    neededBy: [] as string[],
    fileStates: [] as string[],
  }
  /** With a text every question fails with it. */
  trouble = ''
  /** With a D-Bus error the bus refuses with it what is asked about units. */
  refusal = ''
  /** Whether a bus is there to connect to for signals. systemd's own socket always is. */
  bus = true
  /** From this question on the bus says nothing, until `over`. */
  silence: { readonly from: 'Hello' | 'Ping' | 'ListUnits'; readonly over: Promise<void> } | undefined
  /** Connections for questions. */
  open = 0
  stats: SignalStats = idle
  /** What the next reader that is closed still holds, and hands over at its end. */
  leftover: readonly Bare[] = []
  #onRecords: OnRecords | undefined
  #end: ((reason: string) => void) | undefined

  readonly native = {
    createSignalReader: (options: ReaderOptions, onRecords: OnRecords): SignalReader => ({
      start: () => {
        this.#onRecords = onRecords
        this.send(this.bus || options.direct ? { kind: 'connected' } : { kind: 'disconnected', reason: 'no bus' })
      },
      stats: () => this.stats,
      takeCapture: () => ({ chunks: [], truncated: false }),
      forget: () => void this.asked.push('forget'),
      close: async () => {
        if (this.leftover.length > 0) this.send(...this.leftover)
        this.leftover = []
      },
    }),
  }

  readonly connect = async (_address?: string, direct = false): Promise<ControlPlane> => {
    if (!direct && this.silence?.from === 'Hello') await this.silence.over
    let end!: (reason: string) => void
    const closed = new Promise<string>((resolve) => {
      end = resolve
    })
    this.#end = end
    this.open++
    void closed.then(() => this.open--)
    const gone = closed.then((reason): never => {
      throw new CallError(reason)
    })
    gone.catch(() => {})
    const answer = async <T>(member: string, value: () => T): Promise<T> => {
      this.asked.push(member)
      if (!direct && this.silence?.from === member) await Promise.race([this.silence.over, gone])
      if (this.trouble !== '') throw new CallError(this.trouble)
      return value()
    }
    const stateOf = (unit: string): UnitState => ({ ...unloadedState, ...this.units.get(unit) })
    return {
      closed,
      close: () => end('closed'),
      ping: () => answer('Ping', () => undefined),
      subscribe: () => answer('Subscribe', () => undefined),
      listUnits: () =>
        answer('ListUnits', () =>
          [...this.units.keys()].map((name) => {
            const { activeState, subState, jobId } = stateOf(name)
            return { name, loadState: 'loaded', activeState, subState, jobId }
          }),
        ),
      getManagerProperties: () => answer('GetAll', () => this.manager),
      getManagerProperty: (name) => answer('Get', () => this.manager[name]),
      getProperties: (unit) => answer('GetAll', () => unitProperties(stateOf(unit))),
      getProperty: (unit, iface, name) =>
        answer('Get', () => {
          if (this.refusal !== '') throw new CallError('refused', this.refusal)
          if (name === 'ActiveState') this.read.states.push(unit)
          if (name === 'LoadState') this.read.configurations.push(unit)
          if (name === 'Wants') this.read.dependencies.push(unit)
          if (name === 'WantedBy') this.read.neededBy.push(unit)
          if (name === 'UnitFileState') this.read.fileStates.push(unit)
          if (!iface.endsWith('.Unit')) return serviceProperty(stateOf(unit), name)
          return this.dependencies.get(unit)?.[name] ?? unitProperties(stateOf(unit))[name]
        }),
    }
  }

  /** Sends signals. */
  send(...records: readonly (SignalRecord | Bare)[]): void {
    this.stats = { ...this.stats, messages: this.stats.messages + records.length }
    this.#onRecords?.(records.map((record) => ({ ...times, ...record }) as SignalRecord))
  }

  /** The connection ends. */
  lose(reason: string): void {
    this.send({ kind: 'disconnected', reason })
    this.#end?.(reason)
  }
}

type Bare = SignalRecord extends infer R ? (R extends unknown ? Omit<R, 'realtimeNs' | 'boottimeNs'> : never) : never

function unitProperties(state: UnitState): Properties {
  return {
    ActiveState: state.activeState,
    SubState: state.subState,
    Job: [state.jobId, '/'],
    InvocationID: Buffer.from(state.invocationId, 'hex'),
    StateChangeTimestamp: BigInt(state.stateChangeUsec),
    ActiveEnterTimestamp: BigInt(state.activeEnterUsec),
    InactiveEnterTimestamp: BigInt(state.inactiveEnterUsec),
  }
}

function serviceProperty(state: UnitState, name: string): unknown {
  if (name === 'Type') return 'simple'
  if (name === 'Result') return state.result
  if (name === 'NRestarts') return state.nRestarts
  if (name === 'MainPID') return state.mainPid
  return 0n
}
