export declare function forbiddenSkips(
  skips: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): string[]
