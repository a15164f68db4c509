import type { Case, Entry } from './case.d.mts'

export declare const kMaxOtherPercent: number
export declare function measure(
  benchmark: Case,
  options: { readonly quick: boolean; readonly progress?: (text: string) => void },
): Promise<Omit<Entry, 'id' | 'date' | 'commit' | 'dirty' | 'command' | 'machine' | 'versions'>>
