/**
 * The records of the source's ledger as they gather at the target: each once, though a slot that came back brings
 * those that had gone with it, and so those of each key in the order of their versions. Pure.
 */

import { selectRecords } from '../kv/write-record.ts';
import { slotCount } from '../partition/slot.ts';

/** Records are stored, and later fed, in parts of about this size. */
const partBytes = 256 * 1024;
const all = { slots: new Uint8Array(slotCount).fill(1), aboveLsn: 0 };

export class CarriedRecords {
  readonly #found = new Map<string, Buffer>();

  /** Adds packed records that came with a reply. */
  add(packed: Buffer): void {
    selectRecords(packed, all, this.#found);
  }

  /** All of them, packed; at least one part. */
  parts(): Buffer[] {
    const parts: Buffer[] = [];
    let part: Buffer[] = [];
    let bytes = 0;
    for (const record of this.#found.values()) {
      part.push(record);
      bytes += record.length;
      if (bytes < partBytes) continue;
      parts.push(Buffer.concat(part));
      [part, bytes] = [[], 0];
    }
    return bytes > 0 || parts.length === 0 ? [...parts, Buffer.concat(part)] : parts;
  }
}
