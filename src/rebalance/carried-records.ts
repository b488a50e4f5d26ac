/**
 * The records of the source's ledger as they come to the target, part by part: each is taken once, though a slot that
 * came back brings those that had gone with it. Pure.
 */

import { selectRecords } from '../kv/write-record.ts';
import { slotCount } from '../partition/slot.ts';

const all = { slots: new Uint8Array(slotCount).fill(1), aboveLsn: 0 };

export class CarriedRecords {
  readonly #known = new Set<string>();

  /** Those of these packed records that have not come before, in their order. */
  take(packed: Buffer): Buffer {
    const found = new Map<string, Buffer>();
    selectRecords(packed, all, found);
    const fresh: Buffer[] = [];
    for (const [identity, record] of found) {
      if (this.#known.has(identity)) continue;
      this.#known.add(identity);
      fresh.push(record);
    }
    return Buffer.concat(fresh);
  }
}
