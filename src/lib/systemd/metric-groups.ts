/** Groups of the systemd receiver's metrics that can be switched off, and whether each is on unless told otherwise. */
export const metricGroups = {
  state: true,
  expected: true,
  verdicts: true,
  counters: true,
  times: true,
  manager: true,
  sockets: true,
  durations: false,
  timestamps: false,
  details: false,
  info: false,
  ip_accounting: false,
} as const

export type MetricGroup = keyof typeof metricGroups
export type MetricSwitches = Readonly<Record<MetricGroup, boolean>>
