/** How a fails: by itself while all run, at its start, or by not taking well that an operator stops it. */
export type Story = 'crash' | 'start' | 'stop'

/** A chain a <- b <- c: what b says of a, and c of b. */
export interface Chain {
  readonly name: string
  readonly story: Story
  readonly directives: readonly string[]
}

const chain = (story: Story, ...directives: readonly string[]): Chain => {
  return { name: `${story}-${directives.join('-').toLowerCase()}`, story, directives }
}

export const chains: readonly Chain[] = [
  chain('crash', 'BindsTo', 'After'),
  chain('crash', 'BindsTo'),
  chain('crash', 'StopPropagatedFrom', 'After'),
  chain('crash', 'Requires', 'After'),
  chain('crash', 'Requisite', 'After'),
  chain('crash', 'PartOf', 'After'),
  chain('crash', 'Wants', 'After'),
  chain('crash', 'Upholds'),
  chain('crash', 'After'),
  chain('start', 'BindsTo', 'After'),
  chain('start', 'Requires', 'After'),
  chain('start', 'Requires'),
  chain('start', 'Requisite', 'After'),
  chain('start', 'Wants', 'After'),
  chain('stop', 'BindsTo', 'After'),
  chain('stop', 'Requires', 'After'),
  chain('stop', 'PartOf', 'After'),
  chain('stop', 'Wants', 'After'),
]

export const unitOf = (letter: string, { name }: Chain): string => `${letter}-${name}.service`

const commands: Readonly<Record<Story, string>> = {
  crash: 'ExecStart=/bin/sleep infinity\n',
  // Long enough for what waits for it to wait.
  start: "Type=oneshot\nRemainAfterExit=yes\nExecStart=/bin/sh -c 'sleep 0.3; exit 3'\n",
  stop: `ExecStart=/bin/sh -c 'trap "exit 3" TERM; while :; do sleep 0.1; done'\n`,
}

/** Unit files of all chains, and of one that has all of them loaded though they do not run. */
export function chainUnits(): Map<string, string> {
  const files = new Map<string, string>()
  for (const one of chains) {
    files.set(unitOf('a', one), `[Service]\n${commands[one.story]}`)
    for (const [unit, needed] of ['ba', 'cb']) {
      const lines = one.directives.map((directive) => `${directive}=${unitOf(needed!, one)}\n`)
      files.set(unitOf(unit!, one), `[Unit]\n${lines.join('')}[Service]\nExecStart=/bin/sleep infinity\n`)
    }
  }
  files.set('hold.target', `[Unit]\nAfter=${[...files.keys()].join(' ')}\n`)
  return files
}
