/** All tables of a shard's file, and how files of older versions come to have them. */

import { allRecords, measureRecords } from '../kv/write-record.ts';
import type { Database } from './database.ts';
import { entryDdl } from './entry-table.ts';
import { idempotencyDdl } from './idempotency-table.ts';
import { ledgerDdl } from './ledger-table.ts';
import type { Schema } from './schema.ts';
import { adoptedRingDdl, standingDdl } from './standing-table.ts';
import { transferDdl } from './transfer-table.ts';

export const shardSchema: Schema = {
  applicationId: 0x53484c31, // "SHL1"
  version: 3,
  ddl: standingDdl + entryDdl + ledgerDdl + idempotencyDdl + transferDdl,
  migrations: { 2: fromVersion2 },
};

/** The epoch is 0 then: no ring was adopted yet. The next one comes with the start. */
function fromVersion2(db: Database): void {
  db.exec(`
    ALTER TABLE identity RENAME TO standing;
    ALTER TABLE standing ADD COLUMN epoch INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE standing ADD COLUMN told_ms INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE standing ADD COLUMN uptime_ms INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE standing ADD COLUMN boot TEXT NOT NULL DEFAULT '';
    ${adoptedRingDdl()}
  `);
  // An arrival named one row of carried records; now it names all of them, and how many each has.
  const records = db.prepare<[number]>('SELECT records FROM ledger WHERE lsn = ?').pluck();
  for (const table of ['ledger', 'transfer'] as const) {
    const update = db.prepare<[string, number]>(`UPDATE ${table} SET arrival = ? WHERE rowid = ?`);
    const found = db.prepare(`SELECT rowid, arrival FROM ${table} WHERE arrival LIKE '%"carriedLsn":%'`).raw();
    for (const [rowid, arrival] of found.all() as [number, string][]) {
      const { carriedLsn: lsn, ...came } = JSON.parse(arrival) as { readonly carriedLsn: number };
      const carried = records.get(lsn) as Buffer | undefined;
      // Of a row that is gone there is at least one record that nobody knows.
      const row = { lsn, records: carried === undefined ? 1 : measureRecords(carried, allRecords).records };
      update.run(JSON.stringify({ ...came, carried: [row] }), rowid);
    }
  }
}
