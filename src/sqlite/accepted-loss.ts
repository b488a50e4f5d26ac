/**
 * A shard goes on with what is left of its file, or with none. What it keeps is of slots that it owned then and owns now.
 * Versions go on above all that may have been given, clients that send a write again are told that its outcome is
 * unknown, and watchers that changes are gone: nobody takes what is left for what was.
 */

import { type Ring, ringOf } from '../partition/ring.ts';
import { slotIsListed } from './entry-table.ts';
import { IdempotencyTable } from './idempotency-table.ts';
import { LedgerTable } from './ledger-table.ts';
import type { OpenDatabase } from './open-database.ts';
import { shardSchema } from './shard-schema.ts';
import { claim, type FileIdentity, StandingTable } from './standing-table.ts';

export type AcceptedLoss = {
  readonly ring: Ring;
  /** Every version that was ever given is below it. */
  readonly lsnAbove: number;
  /** Unix milliseconds. */
  readonly atMs: number;
};

/** @returns the keys that are left, and the lsn with which it goes on */
export function acceptLoss(
  path: string,
  identity: FileIdentity,
  { ring, lsnAbove, atMs }: AcceptedLoss,
  open: OpenDatabase,
): { readonly keys: number; readonly lsn: number } {
  const db = open(path, shardSchema);
  try {
    claim(db, path, identity);
    return db.transaction(() => {
      const standing = new StandingTable(db);
      const then = standing.adoptedRing && ringOf(standing.adoptedRing);
      const kept = ring
        .slotsOf(identity.shard)
        .filter((slot) => then === undefined || then.shardOf(slot) === identity.shard);
      const slots = JSON.stringify(kept);
      db.prepare(`DELETE FROM entry WHERE NOT ${slotIsListed}`).run(slots);
      db.prepare(`DELETE FROM idempotency WHERE NOT ${slotIsListed}`).run(slots);
      db.prepare('DELETE FROM transfer').run();
      const count = db.prepare('SELECT count(*), coalesce(sum(length(key) + length(value)), 0) FROM entry').raw();
      const [keys, bytes] = count.get() as [number, number];
      const ledger = new LedgerTable(db, new IdempotencyTable(db));
      const lsn = Math.max(ledger.counters().lsn, lsnAbove) + 1;
      ledger.append({ lsn, keys, bytes, atMs, records: Buffer.alloc(0), writes: 0, hasIdempotencyKeys: false });
      db.prepare('UPDATE standing SET forgotten_lsn = ?, pruned_lsn = ?').run(lsn, lsn);
      standing.adopt(ring);
      return { keys, lsn };
    });
  } finally {
    db.close();
  }
}
