import type { Signal } from '../../data/batch.js'
import type { Method, Reply } from '../../lib/grpc/server-call.js'
import { statusNames } from '../../lib/grpc/status.js'
import { methods } from '../../lib/otlp/methods.js'
import { writePartialSuccess, writeStatus } from '../../lib/otlp/write-response.js'
import type { MetadataOf } from './access.js'
import type { Intake, Verdict } from './intake.js'

/** The three Export methods, each answered when the pipeline has answered. */
export function grpcMethods(intake: Intake, metadataOf: MetadataOf): Readonly<Record<string, Method>> {
  return Object.fromEntries(
    (Object.entries(methods) as [Signal, string][]).map(([signal, path]): [string, Method] => [
      path,
      async (message, headers) => {
        const metadata = metadataOf(headers)
        if (typeof metadata === 'string') return { name: 'INVALID_ARGUMENT', details: metadata }
        return replyOf(await intake.take(signal, message, metadata))
      },
    ]),
  )
}

function replyOf(verdict: Verdict): Reply {
  switch (verdict.kind) {
    case 'taken':
      return { name: 'OK', message: writePartialSuccess(verdict.rejected, verdict.message) }
    case 'later':
      return {
        name: 'UNAVAILABLE',
        details: verdict.reason,
        statusDetails: writeStatus(statusNames.indexOf('UNAVAILABLE'), verdict.reason, verdict.afterMs),
      }
    case 'refused':
      return { name: 'INVALID_ARGUMENT', details: verdict.reason }
  }
}
