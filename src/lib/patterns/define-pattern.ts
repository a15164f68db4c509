import type {
  ConfigComplaint,
  Consumer,
  Processor,
  ProcessorFactory,
  Settings,
  Stability,
} from '../../component/component.js'
import type { ObjectSchema } from '../../component/schema.js'
import type { Detector, DetectorContext } from './detector.js'
import { PatternProcessor } from './pattern-processor.js'

/** What a pattern says of itself; the rest of its processor is the same for all. */
export interface PatternDefinition<C> {
  /** As in YAML, and in the names of its events: `crash_loop`. */
  readonly type: string
  readonly stability?: Stability
  /** First line of the reference page. */
  readonly description: string
  /** `C` is the `ConfigOf` it. */
  readonly configSchema: ObjectSchema
  /** Names of the metrics it wants to see; left out where it looks at events alone. */
  readonly metrics?: readonly string[]
  /** It wants those of the machine, too: points on a resource that is no unit's. */
  readonly ofMachine?: boolean
  /** Of the form of what the detector saves; raised when that changes. */
  readonly stateVersion?: number
  check?(config: C): readonly ConfigComplaint[]
  detector(config: C, context: DetectorContext): Detector
}

export interface PatternFactory<C> extends ProcessorFactory {
  check(config: C): readonly ConfigComplaint[]
  create(settings: Settings, config: C, next: Consumer): Processor
}

/** Makes a processor of a detector. */
export function definePattern<C>(definition: PatternDefinition<C>): PatternFactory<C> {
  const { type, description, configSchema, stateVersion } = definition
  const metrics = definition.metrics === undefined ? undefined : new Set(definition.metrics)
  return {
    type,
    kind: 'processor',
    stability: definition.stability ?? 'beta',
    description,
    configSchema,
    capabilities: [],
    // A pipeline of logs, which findings are, is given the metrics they are found in.
    ...(metrics === undefined ? {} : { makes: { signal: 'logs', of: 'metrics' } }),
    check: (config) => definition.check?.(config) ?? [],
    create: (settings, config, next) =>
      new PatternProcessor(settings, next, {
        pattern: type,
        ...(metrics === undefined ? {} : { metrics }),
        ...(stateVersion === undefined ? {} : { stateVersion }),
        ofMachine: definition.ofMachine === true,
        create: (context) => definition.detector(config, context),
      }),
  }
}
