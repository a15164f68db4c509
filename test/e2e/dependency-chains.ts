/**
 * How a fails: by itself while all run, at its start, or by not taking well that an operator stops it. `handled`: by itself, and
 * the others are started because of that, and fail in turn.
 */
export type Story = 'crash' | 'start' | 'stop' | 'handled'

/** A chain a <- b <- c: what b says of a, and c of b, or a of b, and b of c. */
export interface Chain {
  readonly name: string
  readonly story: Story
  readonly directives: readonly string[]
  readonly says: 'dependent' | 'first'
}

const chain = (story: Story, ...directives: readonly string[]): Chain => {
  return { name: `${story}-${directives.join('-').toLowerCase()}`, story, directives, says: 'dependent' }
}
/** The same where it is the first one that says so. */
const chainOfFirst = (story: Story, ...directives: readonly string[]): Chain => {
  return { ...chain(story, ...directives), says: 'first' }
}

export const chains: readonly Chain[] = [
  chain('crash', 'BindsTo', 'After'),
  chain('crash', 'BindsTo'),
  chain('crash', 'StopPropagatedFrom', 'After'),
  chainOfFirst('crash', 'PropagatesStopTo', 'Before'),
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
  chain('stop', 'StopPropagatedFrom', 'After'),
  chainOfFirst('stop', 'PropagatesStopTo', 'Before'),
  chain('stop', 'Upholds'),
  chainOfFirst('handled', 'OnFailure'),
]

export const unitOf = (letter: string, { name }: Chain): string => `${letter}-${name}.service`

const sleeps = 'ExecStart=/bin/sleep infinity\n'
/** Of a, and of the others. */
const commands: Readonly<Record<Story, readonly [first: string, other: string]>> = {
  crash: [sleeps, sleeps],
  // Long enough for what waits for it to wait.
  start: ["Type=oneshot\nRemainAfterExit=yes\nExecStart=/bin/sh -c 'sleep 0.3; exit 3'\n", sleeps],
  stop: [`ExecStart=/bin/sh -c 'trap "exit 3" TERM; while :; do sleep 0.1; done'\n`, sleeps],
  handled: [sleeps, "ExecStart=/bin/sh -c 'exit 4'\n"],
}

/** Unit files of all chains, and of one that has all of them loaded though they do not run. */
export function chainUnits(): Map<string, string> {
  const files = new Map<string, string>()
  for (const one of chains) {
    const units = ['a', 'b', 'c'].map((letter) => unitOf(letter, one))
    for (const [at, unit] of units.entries()) {
      const other = one.says === 'first' ? units[at + 1] : units[at - 1]
      const lines = other === undefined ? [] : one.directives.map((directive) => `${directive}=${other}\n`)
      files.set(unit, `[Unit]\n${lines.join('')}[Service]\n${commands[one.story][at === 0 ? 0 : 1]}`)
    }
  }
  files.set('hold.target', `[Unit]\nAfter=${[...files.keys()].join(' ')}\n`)
  return files
}

/** Two that cannot run at the same time, one that needs the first, and one that does without. */
export const rivals: ReadonlyMap<string, string> = new Map([
  ['old.service', `[Service]\n${sleeps}Restart=always\n`],
  ['of-old.service', `[Unit]\nRequires=old.service\nAfter=old.service\n[Service]\n${sleeps}`],
  ['beside-old.service', `[Unit]\nWants=old.service\n[Service]\n${sleeps}`],
  ['new.service', `[Unit]\nConflicts=old.service\nAfter=old.service\n[Service]\n${sleeps}`],
])
