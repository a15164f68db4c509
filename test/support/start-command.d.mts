export interface StartCommand {
  readonly env: Readonly<Record<string, string>>
  readonly flags: readonly string[]
}
export function parseStartCommand(line: string): StartCommand
export const startCommand: StartCommand
