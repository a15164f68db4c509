import type { Command, Invocation } from './command.js'
import * as forOption from './for-option.js'

export const command: Command = {
  name: 'record',
  summary: 'Record systemd signals to a file that the replay receiver plays',
  description: [
    "Writes what systemd's manager says of its units now, and then every byte it sends, until Ctrl-C or --for. The file",
    'holds unit names, states, PIDs and exit codes, no output of services; only its owner may read it (mode 0600). Any user',
    'may record. A unit that starts and stops once takes about 40 KB; gzip makes it 20 times smaller, and replay reads both.',
  ].join('\n'),
  options: {
    output: {
      type: 'string',
      short: 'o',
      valueName: 'FILE',
      description: 'Where to write the recording',
      completes: 'file',
    },
    address: {
      type: 'string',
      valueName: 'ADDRESS',
      description: 'D-Bus address; by default the system bus',
    },
    for: forOption.option,
    units: {
      type: 'string',
      multiple: true,
      valueName: 'PATTERN',
      description:
        'Only these units: a name (of a service without its suffix), prefix* or glob; may be given several times',
    },
    force: { type: 'boolean', description: 'Replace the file if it exists' },
  },
  required: ['output'],
  examples: [
    { line: 'unitscope record -o crash.usrec --for 1m', what: 'Record all units for a minute' },
    {
      line: "unitscope record -o web.usrec --units 'nginx*' --units php-fpm",
      what: 'Record some units, and name no other',
    },
    {
      line: 'unitscope record -o user.usrec --address unix:path=/run/user/1000/bus',
      what: "Record a user's own systemd",
    },
    {
      line: 'UNITSCOPE_RECORDING=crash.usrec unitscope run -c pipelines/replay.yaml',
      what: 'Play it back, on any machine',
    },
  ],
  async run(invocation: Invocation): Promise<number> {
    const { runRecord } = await import('./run-record.js')
    return runRecord(invocation)
  },
}
