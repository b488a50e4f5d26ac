/** The tables of a shard's file in memory, each by itself. Nothing is durable, and nothing begins a transaction. */

import { onTestFinished } from 'vitest';
import { Database } from '../../src/sqlite/database.ts';
import { EntryTable, entryDdl } from '../../src/sqlite/entry-table.ts';
import { IdempotencyTable, idempotencyDdl } from '../../src/sqlite/idempotency-table.ts';
import { LedgerTable, ledgerDdl } from '../../src/sqlite/ledger-table.ts';
import { standingDdl } from '../../src/sqlite/standing-table.ts';
import { TransferTable, transferDdl } from '../../src/sqlite/transfer-table.ts';

export function memoryTables() {
  const db = new Database(':memory:');
  onTestFinished(() => db.close());
  for (const ddl of [standingDdl, entryDdl, ledgerDdl, idempotencyDdl, transferDdl]) db.exec(ddl);
  db.exec("INSERT INTO standing (service, shard) VALUES ('service', 1)");
  const idempotency = new IdempotencyTable(db);
  return {
    db,
    entries: new EntryTable(db),
    ledger: new LedgerTable(db, idempotency),
    idempotency,
    transfers: new TransferTable(db),
  };
}
