import type { Command, Invocation } from './command.js'

export const command: Command = {
  name: 'graph',
  summary: 'Show what a unit depends on, and what depends on it',
  description: [
    'Asks the running systemd about the units that it has loaded, and about a UNIT (of a service without its suffix, if you like)',
    'also where that is down and not loaded, as `systemctl show` does; no configuration is needed. With a UNIT it shows what that',
    'depends on, in steps; without one the whole graph, and nothing is loaded for it.',
    'The names of dependencies are those of unit files; of what depends on a unit they are those that `systemctl show` has for it.',
  ].join('\n'),
  operands: ['[UNIT]'],
  options: {
    format: {
      type: 'string',
      short: 'f',
      valueName: 'FORMAT',
      description: 'text (a tree), dot (Graphviz), mermaid (for Markdown) or json; by default text',
      completes: ['text', 'dot', 'mermaid', 'json'],
    },
    depth: { type: 'string', short: 'd', valueName: 'N', description: 'Steps from UNIT, 1 to 64; by default 3' },
    direction: {
      type: 'string',
      valueName: 'WAY',
      description: 'needs (what UNIT depends on, the default), needed-by (what depends on it) or both',
      completes: ['needs', 'needed-by', 'both'],
    },
    reverse: { type: 'boolean', short: 'r', description: 'The same as --direction needed-by' },
    kinds: {
      type: 'string',
      short: 'k',
      valueName: 'KINDS',
      description:
        'Dependencies to follow, e.g. Requires,BindsTo, or all; by default all but After, Conflicts and Slice, which are many',
    },
    address: { type: 'string', valueName: 'ADDRESS', description: 'D-Bus address; by default the system bus' },
    user: { type: 'boolean', description: "Ask the systemd of the user, not the system's" },
  },
  examples: [
    { line: 'unitscope graph nginx', what: 'What nginx.service depends on, and how those are' },
    { line: 'unitscope graph containerd --reverse', what: 'What goes down, or without, when containerd fails' },
    { line: 'unitscope graph nginx --kinds BindsTo,Requires --depth 10', what: 'Only what it cannot run without' },
    { line: 'unitscope graph --format dot | dot -Tsvg > units.svg', what: 'A picture of all units' },
  ],
  async run(invocation: Invocation): Promise<number> {
    const { runGraph } = await import('./run-graph.js')
    return runGraph(invocation)
  },
}
