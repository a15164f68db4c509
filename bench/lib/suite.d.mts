import type { Case, Entry } from './case.d.mts'

export declare function loadCases(): Promise<Case[]>
export declare function save(entry: Entry): void
export declare function lastRun(id: string): Entry | undefined
export declare function renderPage(cases: readonly Case[]): { readonly page: string; readonly fresh: string }
export declare function writePage(cases: readonly Case[]): void
