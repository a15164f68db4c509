import { readFileSync } from 'node:fs'
import { agentMain } from '../agent.js'

/** A script of this folder, with the agent to run as `$1 $2`. */
export function agentScript(name: string): string {
  const parts = ['wait.sh', name].map((file) => readFileSync(new URL(file, import.meta.url), 'utf8'))
  return [`set -- ${process.execPath} ${agentMain}`, ...parts].join('\n')
}
