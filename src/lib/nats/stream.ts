import type { JetStreamManager, StreamConfig } from '@nats-io/jetstream'
import type { NatsConfig } from './config.js'

/** JSStreamNotFoundErr (nats-server, server/errors.json). */
const kStreamNotFound = 10_059

/** The subject of one signal of one host. */
export function subjectOf(prefix: string, signal: string, host: string): string {
  return `${prefix}.${signal}.${tokenOf(host)}`
}

/** `unitscope.logs.web-1` is of `logs`; undefined when it is none of ours. */
export function signalIn(prefix: string, subject: string): string | undefined {
  return subject.startsWith(`${prefix}.`) ? subject.slice(prefix.length + 1).split('.', 1)[0] : undefined
}

export function allSubjects(prefix: string): string {
  return `${prefix}.>`
}

/** Dots, blanks and wildcards would be structure (docs.nats.io, "Subject-Based Messaging"). */
function tokenOf(host: string): string {
  return host.replace(/[^A-Za-z0-9_-]+/g, '-').slice(0, 128) || 'unknown'
}

/**
 * Makes the stream when it is not there, and looks at one that is.
 *
 * @throws Error with what to do: it is not there and not to be made, or does not take our subjects
 */
export async function ensureStream(manager: JetStreamManager, config: NatsConfig): Promise<void> {
  const { stream, subject, create_stream } = config
  const known = await manager.streams.info(stream).catch((error: { code?: unknown }) => {
    if (error.code === kStreamNotFound) return undefined
    throw error
  })
  const wanted = allSubjects(subject)
  if (known !== undefined) {
    if (!known.config.subjects?.some((each) => covers(each, wanted)))
      throw new Error(
        `the stream ${stream} does not take ${wanted}: add this subject to it (nats stream edit), or name another stream`,
      )
    return
  }
  if (!create_stream.enabled)
    throw new Error(`there is no stream ${stream}: make one with the subject ${wanted}, or set create_stream.enabled`)
  await manager.streams.add(streamConfig(config)).catch((error: Error) => {
    throw new Error(`the stream ${stream} cannot be made: ${error.message}`)
  })
}

function streamConfig({ stream, subject, create_stream }: NatsConfig): Partial<StreamConfig> & { name: string } {
  const { max_bytes, max_age, duplicate_window, replicas } = create_stream
  const nanos = (ms: number): number => ms * 1e6
  return {
    name: stream,
    subjects: [allSubjects(subject)],
    // What is acknowledged goes; and what finds no room is refused, not made for by what nobody has fetched.
    retention: 'workqueue',
    discard: 'new',
    storage: 'file',
    max_bytes,
    max_age: nanos(max_age),
    duplicate_window: nanos(duplicate_window),
    num_replicas: replicas,
  }
}

/** Whether a stream's subject takes all that `wanted`, which ends in `>`, does. */
function covers(subject: string, wanted: string): boolean {
  const [theirs, ours] = [subject.split('.'), wanted.split('.')]
  for (const [at, token] of theirs.entries()) {
    if (token === '>') return true
    if (ours[at] === '>' || (token !== '*' && token !== ours[at])) return false
  }
  return false
}
