export declare const packages: readonly {
  readonly group: 'build' | 'lab' | 'test'
  readonly name: string
  readonly why: string
  readonly proof: readonly string[]
}[]
