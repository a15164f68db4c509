/** Schema of a list of unit names, as `compilePatterns` takes them. */
export const unitNames = <const Preset extends readonly string[]>(description: string, preset: Preset) =>
  ({
    type: 'array',
    items: {
      type: 'string',
      maxLength: 255,
      description: 'Exact unit name, `prefix*`, or a glob (`*`, `?`, `[a-z]`).',
    },
    maxItems: 1000,
    default: preset,
    description,
  }) as const
