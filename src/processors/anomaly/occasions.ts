/** What a unit does now and then. */
export const occasions = ['start_duration', 'stop_duration', 'memory_at_exit'] as const
export type Occasion = (typeof occasions)[number]
