import type { AttributeValue } from '../../data/attributes.js'

/**
 * Names of everything the systemd side emits: events, attributes, metrics. OTel semantic conventions where they exist
 * (process.*, container.*, service.*), `systemd.*` for the rest. Renaming one is a breaking change for dashboards.
 */

/** EventName of each event. */
export const event = {
  started: 'systemd.unit.started',
  stopped: 'systemd.unit.stopped',
  failed: 'systemd.unit.failed',
  /** The unit will be started again by itself (auto-restart), or a restart job has stopped it. */
  restarting: 'systemd.unit.restarting',
  /** It is active again after that. */
  restarted: 'systemd.unit.restarted',
  reloaded: 'systemd.unit.reloaded',
  startLimitHit: 'systemd.unit.start_limit_hit',
  oomKilled: 'systemd.unit.oom_killed',
  watchdogTimeout: 'systemd.unit.watchdog_timeout',
  jobFinished: 'systemd.job.finished',
  /** Events over `max_events_per_second`, summarised: nothing is lost silently. */
  suppressed: 'systemd.events.suppressed',
  /** The source was not watched for a while (bus lost, ring full, PID 1 reloading); state was read again after it. */
  gap: 'systemd.source.gap',
  /** A time of which nothing can be told any more: the journal of it is gone. */
  unfilledGap: 'unitscope.gap',
} as const

/** Of the journald receiver, beside log lines, which have no name. */
export const journalEvent = {
  /** Lines of one unit over `max_lines_per_second`, summarised. */
  linesSuppressed: 'systemd.journal.suppressed',
} as const

/** Of the self_telemetry receiver: a component of the agent fails too often, or loses items; and it no longer does. */
export const componentEvent = {
  degraded: 'unitscope.component.degraded',
  recovered: 'unitscope.component.recovered',
} as const

/** Of these events, beside `unitscope.component` and `unitscope.pipeline`, which all own metrics have. */
export const componentAttr = {
  /** receiver | processor | exporter | extension */
  kind: 'unitscope.component.kind',
  /** Errors, and items given up though nobody asked for it, within the window. */
  errors: 'unitscope.component.errors',
  lost: 'unitscope.component.lost',
  /** The reason of most of those. */
  lostReason: 'unitscope.component.lost.reason',
  /** Seconds. */
  window: 'unitscope.component.window',
  /** Seconds it was degraded. */
  duration: 'unitscope.component.degraded.duration',
} as const

/** Attributes of records (resource attributes are in unit-resource.ts). */
export const attr = {
  unit: 'systemd.unit.name',
  unitType: 'systemd.unit.type',
  activeState: 'systemd.unit.active_state',
  activeStateBefore: 'systemd.unit.active_state.previous',
  subState: 'systemd.unit.sub_state',
  subStateBefore: 'systemd.unit.sub_state.previous',
  result: 'systemd.unit.result',
  /** The setting whose command the result is of, where that is not the main process: `ExecStartPre=`. */
  failedCommand: 'systemd.unit.failed_command',
  invocationId: 'systemd.unit.invocation_id',
  nRestarts: 'systemd.unit.n_restarts',
  /** auto | watchdog | oom: by systemd, as Restart= says; manual | dependency | remediation: by a job. */
  restartCause: 'systemd.unit.restart.cause',
  /** Of a synthetic restart: automatic restarts by which NRestarts went up unseen, this one included. */
  missedRestarts: 'systemd.unit.restarts.missed',
  conditionResult: 'systemd.unit.condition_result',
  containerRuntime: 'systemd.unit.container_runtime',
  /** The unit whose failure made this one stop or not start, over others between (BindsTo=, Requires=), as far as known. */
  causedBy: 'systemd.unit.caused_by',
  slice: 'systemd.unit.slice',
  serviceType: 'systemd.service.type',
  mountType: 'systemd.mount.type',
  /** `enabled`, `disabled`, `static`, ... (systemctl(1), is-enabled) */
  unitFileState: 'systemd.unit.file_state',
  /** Of the run: inode of the unit's cgroup2 directory, by which the kernel's events name it. */
  cgroupId: 'systemd.unit.cgroup_id',
  mainPid: 'process.pid',
  exitCode: 'process.exit.code',
  /** Signal by name, `SIGSEGV`. */
  exitSignal: 'process.exit.signal',
  errorType: 'error.type',
  jobId: 'systemd.job.id',
  jobResult: 'systemd.job.result',
  /** start | stop | restart | reload: what the job did to its unit, concluded; absent where it did nothing. */
  jobType: 'systemd.job.type',
  /** When the job's signal was read, microseconds since 1970: systemd keeps no time for jobs. */
  jobQueuedUsec: 'systemd.job.queued_usec',
  /** When the reload began, by systemd's own timestamp. */
  reloadBeganUsec: 'systemd.unit.reload_began_usec',
  /** systemd's own timestamps, microseconds since 1970. */
  inactiveExitUsec: 'systemd.unit.inactive_exit_usec',
  activeEnterUsec: 'systemd.unit.active_enter_usec',
  activeExitUsec: 'systemd.unit.active_exit_usec',
  inactiveEnterUsec: 'systemd.unit.inactive_enter_usec',
  execMainStartUsec: 'systemd.unit.exec_main_start_usec',
  execMainExitUsec: 'systemd.unit.exec_main_exit_usec',
  /** True on events concluded after a gap (from states, counters or the journal), not told by a signal. */
  synthetic: 'systemd.event.synthetic',
  /**
   * What an event was concluded from, an array. Of synthetic ones: `state`, `n_restarts`, `timestamps`, `journal`; of kills for
   * want of memory: `result` (systemd), `memory.events` (the kernel's counter), `slice.memory.events` (that of the slice), `kernel_log`.
   */
  evidence: 'systemd.event.evidence',
  /** Of a kill for want of memory: processes killed; the counter of the unit's cgroup (memory.events, oom_kill) before and after. */
  oomKills: 'systemd.unit.oom.kills',
  oomCounterBefore: 'systemd.unit.oom.counter.previous',
  oomCounter: 'systemd.unit.oom.counter',
  /** True where the run lives on (OOMPolicy=continue). */
  oomSurvived: 'systemd.unit.oom.survived',
  /** memcg | global: whether a limit was met, whose, or the machine itself had no memory left; as the kernel's log says. */
  oomConstraint: 'systemd.unit.oom.constraint',
  oomLimitedBy: 'systemd.unit.oom.limited_by',
  /** The process that was killed, as the kernel's log says. */
  oomVictimPid: 'systemd.unit.oom.victim.pid',
  oomVictimCommand: 'systemd.unit.oom.victim.command',
  /** The cgroup below the unit's own in which it was: a container's, one that the service made. */
  oomCgroup: 'systemd.unit.oom.cgroup',
  /** Bytes, of the unit's cgroup: memory.peak, memory.max. */
  oomMemoryPeak: 'systemd.unit.oom.memory.peak',
  oomMemoryLimit: 'systemd.unit.oom.memory.limit',
  /** What happens next: will_restart | gave_up | stopped_by_operator | dependency | condition_not_met. */
  verdict: 'systemd.unit.verdict',
  /** When systemd will start it again, microseconds since 1970; with the verdict `will_restart`. */
  restartDueUsec: 'systemd.unit.restart_due_usec',
  /** The unit at the root of this one's failure (itself where there is none), by which edge that spread, and all units from it to this one. */
  rootCause: 'systemd.unit.root_cause',
  rootCauseEdge: 'systemd.unit.root_cause.edge',
  rootCausePath: 'systemd.unit.root_cause.path',
  /** The edge of each step of the path. */
  rootCausePathEdges: 'systemd.unit.root_cause.path.edges',
  /** Units that the failure stops, and those that may do without; arrays of names, nearest first, and how many of each. */
  impactStop: 'systemd.unit.impact.will_stop',
  impactDegrade: 'systemd.unit.impact.may_degrade',
  impactCount: 'systemd.unit.impact.count',
  /** Containers and pods among them, by their scopes and slices, and what each one is: `docker container`, `kubelet pod`. */
  impactContainers: 'systemd.unit.impact.containers',
  impactContainerKinds: 'systemd.unit.impact.containers.kind',
  incidentId: 'incident.id',
  /** open | recovering | resolved | gave_up */
  incidentState: 'incident.state',
  systemState: 'systemd.system.state',
  systemdVersion: 'systemd.version',
  virtualization: 'systemd.virtualization',
  bootStage: 'systemd.boot.stage',
  watchdogDevice: 'systemd.watchdog.device',
  /** The unit that failed first, and how: `exit-code 3`. */
  incidentRootCause: 'incident.root_cause',
  incidentReason: 'incident.root_cause.reason',
  /** Units that have failed, and those that were only taken down; at most 64 names each. */
  incidentFailed: 'incident.units.failed',
  incidentTakenDown: 'incident.units.taken_down',
  /** Those that are not up again, or at an end: of what is asked for, not of events. */
  incidentDown: 'incident.units.down',
  incidentUnitCount: 'incident.units.count',
  /** Failed runs of all its units. */
  incidentFailures: 'incident.failures',
  /** Microseconds since 1970; seconds. */
  incidentStartUsec: 'incident.start_usec',
  incidentDuration: 'incident.duration',
  /** What an update is about: state | units | root_cause; an array. */
  incidentChanges: 'incident.changes',
  /** recovered | stopped | merged | evicted | rebooted | unknown */
  incidentResolution: 'incident.resolution',
  /** Incidents that turned out to be part of this one. */
  incidentMergedIds: 'incident.merged_ids',
  suppressedCount: 'systemd.events.suppressed.count',
  /** Of a log line: what its writer calls itself (SYSLOG_IDENTIFIER), how it came (_TRANSPORT), and MESSAGE_ID. */
  journalIdentifier: 'systemd.journal.identifier',
  journalTransport: 'systemd.journal.transport',
  journalMessageId: 'systemd.journal.message_id',
  /** Names of fields of which only the beginning is told, and of those that are not UTF-8; arrays, mostly absent. */
  journalTruncated: 'systemd.journal.truncated',
  journalNotText: 'systemd.journal.not_text',
  processName: 'process.executable.name',
  gapReason: 'systemd.source.gap.reason',
  gapLost: 'systemd.source.gap.lost_records',
  /** Bounds of a gap, microseconds since 1970. */
  gapStartUsec: 'unitscope.gap.start_usec',
  gapEndUsec: 'unitscope.gap.end_usec',
} as const

/** Attributes by names that are written out: the compiler reads over those. */
export type Named = Partial<Record<(typeof attr)[keyof typeof attr], AttributeValue>>

/** Metrics of the systemd receiver (state) and the cgroup receiver (resources). Point attributes stand in brackets. */
export const metric = {
  /** Sum, not monotonic, 1 for the state the unit is in, 0 for the others [systemd.unit.active_state]. */
  unitState: 'systemd.unit.state',
  /** Sum [systemd.unit.restart.cause]: our own count; survives reset-failed, and with a state directory the agent. Exemplar: last run. */
  restarts: 'systemd.service.restarts',
  /** Gauge: systemd's NRestarts as it is (auto-restarts only, reset by reset-failed). */
  nRestarts: 'systemd.service.n_restarts',
  /** Gauge: 1 when the unit should be active, 0 when it need not; absent where that is not known. */
  expected: 'systemd.unit.expected',
  /** Gauge, seconds since 1970 the unit became active. */
  startTime: 'systemd.unit.start_time',
  /** Sum [systemd.unit.result]: failures, kept like restarts. Exemplar: the failed run. */
  failures: 'systemd.unit.failures',
  /** Gauge of 1 for what comes next to a unit that is down, 0 for the others [systemd.unit.verdict]; once it had any. */
  verdict: 'systemd.unit.verdict',
  /** Gauges of 1 for what holds now and 0 for what held before [systemd.unit.sub_state], [systemd.unit.result]. */
  subState: 'systemd.unit.sub_state',
  result: 'systemd.unit.result',
  /** Gauge: of the last main process; 128 and the number of the signal that ended it. */
  exitCode: 'systemd.service.exit_code',
  /** Gauges, seconds: of the last start, of the last stop. */
  startDuration: 'systemd.unit.start.duration',
  stopDuration: 'systemd.unit.stop.duration',
  /** Gauges, seconds since 1970. */
  inactiveExitTime: 'systemd.unit.inactive_exit_time',
  activeEnterTime: 'systemd.unit.active_enter_time',
  activeExitTime: 'systemd.unit.active_exit_time',
  inactiveEnterTime: 'systemd.unit.inactive_enter_time',
  /** Gauge, 1 [systemd.service.type, systemd.mount.type, systemd.unit.file_state, systemd.unit.slice]. */
  unitInfo: 'systemd.unit.info',
  /** Gauge, seconds since 1970. */
  timerLastTrigger: 'systemd.timer.last_trigger',
  /** Gauge on the resource of a template that is folded (`sshd@*.service`): instances that are loaded. */
  instances: 'systemd.unit.instances',
  /** Gauge on the host resource: units by state [systemd.unit.active_state]. */
  units: 'systemd.units',
  /** Gauge on the host resource: 1 when systemd answers. */
  sourceUp: 'systemd.source.up',
  /** Sum on the host resource, not monotonic: 1 for the state systemd is in [systemd.system.state]. */
  systemState: 'systemd.system.state',
  /** Gauges on the host resource: 252 [systemd.version], 1 [systemd.virtualization]. */
  systemdVersion: 'systemd.version',
  virtualization: 'systemd.virtualization',
  /** Gauges on the host resource, seconds since 1970 and since the kernel started [systemd.boot.stage]. */
  bootTime: 'systemd.boot.time',
  bootMonotonic: 'systemd.boot.monotonic',
  /** Gauges on the host resource [systemd.watchdog.device but for `enabled`]. */
  watchdogEnabled: 'systemd.watchdog.enabled',
  watchdogRuntime: 'systemd.watchdog.runtime', // s
  watchdogPingTime: 'systemd.watchdog.last_ping_time', // s since 1970
  watchdogPingMonotonic: 'systemd.watchdog.last_ping_monotonic', // s
  socketAccepted: 'systemd.socket.connections.accepted', // {connection}, sum
  socketConnections: 'systemd.socket.connections.current', // {connection}, gauge
  socketRefused: 'systemd.socket.connections.refused', // {connection}, sum
  ipIngressBytes: 'systemd.service.ip.ingress.bytes', // By, sum
  ipEgressBytes: 'systemd.service.ip.egress.bytes',
  ipIngressPackets: 'systemd.service.ip.ingress.packets', // {packet}, sum
  ipEgressPackets: 'systemd.service.ip.egress.packets',
  cpuTime: 'systemd.unit.cpu.time', // s [cpu.mode user|system]
  cpuThrottledTime: 'systemd.unit.cpu.throttled.time', // s
  cpuThrottledPeriods: 'systemd.unit.cpu.throttled.periods', // {period}
  memoryUsage: 'systemd.unit.memory.usage', // By, gauge; exemplar: the run
  memoryPeak: 'systemd.unit.memory.peak', // By
  memoryLimit: 'systemd.unit.memory.limit', // By
  memoryHigh: 'systemd.unit.memory.high', // By, MemoryHigh=
  memorySliceLimit: 'systemd.unit.memory.slice.limit', // By, the least MemoryMax= or MemoryHigh= of the slices above, where lower than its own
  memorySwap: 'systemd.unit.memory.swap', // By
  memoryStat: 'systemd.unit.memory.stat', // By [systemd.memory.kind anon|file|kernel|...]
  memoryEvents: 'systemd.unit.memory.events', // {event} [systemd.memory.event oom_kill|high|...]
  memoryEventsLocal: 'systemd.unit.memory.events.local', // {event} [same], without what lies below
  ioBytes: 'systemd.unit.io.bytes', // By [disk.io.direction read|write, system.device]
  ioOperations: 'systemd.unit.io.operations', // {operation} [same]
  pids: 'systemd.unit.pids', // {process}, gauge
  pidsLimit: 'systemd.unit.pids.limit', // {process}
  pidsSliceLimit: 'systemd.unit.pids.slice.limit', // {process}, the least TasksMax= of the slices above, likewise
  pidsEvents: 'systemd.unit.pids.events', // {event} [systemd.pids.event max]
  pressureTime: 'systemd.unit.pressure.time', // s [systemd.pressure.resource cpu|memory|io, systemd.pressure.kind some|full]
  pressureRatio: 'systemd.unit.pressure.avg10', // 1 (0..1) [same]
  cgroupPopulated: 'systemd.unit.cgroup.populated', // 1 (0 or 1), gauge
  cgroupFrozen: 'systemd.unit.cgroup.frozen', // 1 (0 or 1), gauge
} as const

/** Of the self_telemetry receiver: how full the file system of the state directory is. OTel's names. */
export const filesystem = {
  /** Gauge on the agent's resource [state, file.directory]. */
  usage: 'system.filesystem.usage', // By
  /** used | free */
  state: 'system.filesystem.state',
} as const
