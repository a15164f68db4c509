import type { Command } from './command.js'

/** Every subcommand, in the order of the help. To add one: its file, and one line here. */
export const commands: Readonly<Record<string, () => Promise<Command>>> = {
  run: async () => (await import('./run.js')).command,
  incidents: async () => (await import('./incidents.js')).command,
  status: async () => (await import('./status.js')).command,
  validate: async () => (await import('./validate.js')).command,
  components: async () => (await import('./components.js')).command,
  record: async () => (await import('./record.js')).command,
  graph: async () => (await import('./graph.js')).command,
  demo: async () => (await import('./demo.js')).command,
  completion: async () => (await import('./completion.js')).command,
}

export function loadCommands(): Promise<readonly Command[]> {
  return Promise.all(Object.values(commands).map((load) => load()))
}
