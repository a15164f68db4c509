import type { BusKind } from '../../test/support/private-bus.mjs'

export declare class Flood {
  static start(kind: BusKind, units?: number): Promise<Flood>
  readonly address: string
  send(
    signals: number,
    rate: number,
    marker?: string,
  ): Promise<{ readonly sent: number; readonly changes: number; readonly startUs: number; readonly endUs: number }>
  end(): Promise<void>
}
