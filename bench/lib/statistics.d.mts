import type { Figure, Gate, Row, Spread, Verdict } from './case.d.mts'

export declare function spreadOf(values: readonly number[]): Spread
export declare function quantile(sorted: readonly number[] | Float64Array, share: number): number
export declare function slopeOf(samples: readonly { readonly x: number; readonly y: number }[]): number
export declare function judge(gate: Gate, rows: readonly Row[]): Verdict
export declare function describeGate(gate: Gate, figures: Readonly<Record<string, Figure>>): string
