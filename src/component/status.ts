/** Life of a component as an operator sees it. `unavailable`: this machine cannot serve it; the agent is healthy without. */
export type Status =
  | { readonly state: 'starting' | 'ok' | 'stopping' | 'stopped' }
  | { readonly state: 'degraded' | 'failed' | 'unavailable'; readonly reason: string }
