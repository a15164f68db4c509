export declare const packages: readonly {
  readonly group: 'build' | 'lab' | 'test' | 'bench'
  readonly name: string
  readonly why: string
  readonly proof: readonly string[]
}[]
