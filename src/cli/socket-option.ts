import type { Command, Invocation } from './command.js'

/** Where the agent that docker/unitscope.service starts listens: RuntimeDirectory=unitscope. */
export const kDefaultSocket = '/run/unitscope/status.sock'

/** Of each command that asks a running agent. */
export const socketOption: Command['options'] = {
  socket: {
    type: 'string',
    short: 's',
    valueName: 'PATH',
    description: `Status socket of the agent; ${kDefaultSocket} where it is left out`,
    completes: 'file',
  },
}

export function socketOf(values: Invocation['values']): string {
  return typeof values['socket'] === 'string' ? values['socket'] : kDefaultSocket
}
