/** What all moves have come to since the primary began, also those of changes that are over. */

import { LatencyHistogram } from '../metrics/latency-histogram.ts';
import { amount, distribution, type Measure } from '../metrics/measure.ts';

export class MoveTotals {
  #slots = 0;
  #rows = 0;
  #bytes = 0;
  readonly #freezes = new LatencyHistogram();

  /** Rows that are copied again count again. */
  copied(rows: number, bytes: number): void {
    this.#rows += rows;
    this.#bytes += bytes;
  }

  moved(slots: number): void {
    this.#slots += slots;
  }

  froze(durationMs: number): void {
    this.#freezes.record(durationMs);
  }

  measures(): readonly Measure[] {
    return [
      amount('shardlite_moved_slots_total', this.#slots),
      amount('shardlite_moved_rows_total', this.#rows),
      amount('shardlite_moved_bytes_total', this.#bytes),
      distribution('shardlite_move_freeze_seconds', this.#freezes),
    ];
  }
}
