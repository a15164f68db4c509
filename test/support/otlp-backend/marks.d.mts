/** The attributes that say which item this is, and what its payload was when it was made. */
export interface Marks {
  readonly 'oracle.run': string
  readonly 'oracle.seq': number
  readonly 'oracle.crc': number
}
/**
 * @param run - who counts, e.g. one sender of one test
 * @param seq - 0, 1, 2 ... without a gap
 * @param payload - a log record's body, a span's name, a metric point's value as text
 */
export declare function marksOf(run: string, seq: number, payload: string): Marks
