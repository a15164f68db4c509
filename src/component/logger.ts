/**
 * Log levels as an operator reads them: error = data lost or a human is needed; warn = odd, nothing lost;
 * info = start, stop, reconnects; debug = for developers. Fields never hold secrets or whole payloads.
 */
export interface Logger {
  debug(message: string, fields?: Readonly<Record<string, unknown>>): void
  info(message: string, fields?: Readonly<Record<string, unknown>>): void
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void
  error(message: string, fields?: Readonly<Record<string, unknown>>): void
}

export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {} }
