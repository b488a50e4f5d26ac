/** Files of the first published version named one row of carried records for each arrival: it is fed as before. */

import { expect, onTestFinished, test } from 'vitest';
import { packRecords, unpackRecords } from '../../src/kv/write-record.ts';
import { Database } from '../../src/sqlite/database.ts';
import { IdempotencyTable, idempotencyDdl } from '../../src/sqlite/idempotency-table.ts';
import { LedgerTable, ledgerDdl } from '../../src/sqlite/ledger-table.ts';
import { shardSchema } from '../../src/sqlite/shard-schema.ts';
import { TransferTable, transferDdl } from '../../src/sqlite/transfer-table.ts';

test('an arrival in a file of version 2 gives the records that came with it, or says that they are gone', () => {
  const db = new Database(':memory:');
  onTestFinished(() => db.close());
  db.exec(`
    CREATE TABLE identity (service TEXT, shard INTEGER, forgotten_lsn INTEGER, pruned_lsn INTEGER);
    INSERT INTO identity VALUES ('test', 1, 0, 0);
    ${ledgerDdl} ${idempotencyDdl} ${transferDdl}
  `);
  const records = packRecords(
    [5, 6].map((version) => ({
      opId: Buffer.alloc(16, version),
      slot: 1,
      shard: 2,
      key: Buffer.from('key'),
      outcome: { kind: 'replaced' as const, version },
    })),
  );
  const add = db.prepare('INSERT INTO ledger VALUES (?, 0, 0, 0, 0, ?, ?)');
  const came = { kind: 'arrived', from: 2, sourceLsn: 8, forgottenLsn: 1 };
  add.run(9, '{"kind":"carried"}', records);
  add.run(10, JSON.stringify({ ...came, carriedLsn: 9 }), Buffer.alloc(0));
  add.run(11, JSON.stringify({ ...came, carriedLsn: 3 }), Buffer.alloc(0));
  db.prepare("INSERT INTO transfer VALUES (1, 'importing', '[1]', 1, 1, ?)").run(
    JSON.stringify({ ...came, carriedLsn: 9 }),
  );
  shardSchema.migrations?.[2]?.(db);

  const rows = new LedgerTable(db, new IdempotencyTable(db)).feed({ lsn: 9, carried: 0 }, 9);
  const part = { ...came, recordsBefore: 0, isLast: true };
  expect(rows.map(({ arrival }) => arrival)).toEqual([part, { ...part, forgottenLsn: 8 }]);
  expect(rows.map((row) => unpackRecords(row.records).map(({ outcome }) => outcome.version))).toEqual([[5, 6], []]);
  expect(new TransferTable(db).all()[0]?.arrival).toEqual({ ...came, carried: [{ lsn: 9, records: 2 }] });
});
