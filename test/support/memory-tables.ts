/** The tables of a shard's file in memory, each by itself. Nothing is durable, and nothing begins a transaction. */

import { onTestFinished } from 'vitest';
import { Database } from '../../src/sqlite/database.ts';
import { EntryTable, entryDdl } from '../../src/sqlite/entry-table.ts';
import { IdempotencyTable, idempotencyDdl } from '../../src/sqlite/idempotency-table.ts';
import { LedgerTable, ledgerDdl } from '../../src/sqlite/ledger-table.ts';
import { TransferTable, transferDdl } from '../../src/sqlite/transfer-table.ts';

const identityDdl = `
  CREATE TABLE identity (forgotten_lsn INTEGER NOT NULL, pruned_lsn INTEGER NOT NULL);
  INSERT INTO identity VALUES (0, 0);
`;

export function memoryTables() {
  const db = new Database(':memory:');
  onTestFinished(() => db.close());
  for (const ddl of [identityDdl, entryDdl, ledgerDdl, idempotencyDdl, transferDdl]) db.exec(ddl);
  const idempotency = new IdempotencyTable(db);
  return {
    db,
    entries: new EntryTable(db),
    ledger: new LedgerTable(db, idempotency),
    idempotency,
    transfers: new TransferTable(db),
  };
}
