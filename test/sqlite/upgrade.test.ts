/** Files that an older version made: what they hold is the same afterwards, and what they were is kept. */

import { cpSync, existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { unpackRecords, type WriteRecord } from '../../src/kv/write-record.ts';
import { topologySchema } from '../../src/primary/topology-schema.ts';
import { Database } from '../../src/sqlite/database.ts';
import { openExclusively } from '../../src/sqlite/open-database.ts';
import type { Schema } from '../../src/sqlite/schema.ts';
import { ShardFile } from '../../src/sqlite/shard-file.ts';
import { shardSchema } from '../../src/sqlite/shard-schema.ts';
import type { FileIdentity } from '../../src/sqlite/standing-table.ts';
import { copyOfFixture } from '../fixtures/fixture.ts';
import { put } from '../support/operations.ts';
import { smallDisk } from '../support/small-disk.ts';
import { tablesOf } from '../support/tables-of-file.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

/** Names, columns, their types and defaults, and indexes. */
function shapeOf(path: string): unknown {
  const db = new Database(path);
  try {
    const names = db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").pluck().all();
    const columns = (name: unknown) =>
      db.prepare(`SELECT name, type, "notnull", dflt_value, pk FROM pragma_table_info('${name}') ORDER BY name`).all();
    const indexes = db.prepare("SELECT name, tbl_name FROM sqlite_schema WHERE type = 'index' ORDER BY name").all();
    return { tables: names.map((name) => [name, columns(name)]), indexes };
  } finally {
    db.close();
  }
}

function upgraded(path: string, schema: Schema): void {
  openExclusively(path, schema).close();
}

const shards = [
  ['partitioned', 1],
  ['partitioned', 2],
  ['partitioned', 3],
  ['single', 1],
] as const;

/** A row of the ledger, of either version. */
function withoutCarried(row: Record<string, unknown>): Record<string, unknown> {
  if (typeof row['arrival'] !== 'string') return row;
  const { carriedLsn: _, carried: __, ...arrival } = JSON.parse(row['arrival']) as Record<string, unknown>;
  return { ...row, arrival };
}

test.each(shards)('the %s fixture: every row of shard %i is the same after its upgrade', (name, shard) => {
  const path = join(copyOfFixture(name).data, `shard-${shard}.sqlite`);
  const { identity, version, ...before } = tablesOf(path);
  expect(version).toEqual([{ user_version: 2 }]);
  upgraded(path, shardSchema);
  const { standing, version: versionAfter, ledger, ...after } = tablesOf(path);
  const { ledger: ledgerBefore, ...othersBefore } = before;
  expect(after).toEqual({ ...othersBefore, adopted_ring: [] });
  // How many records came along with slots is new; that they are the same, carried-upgrade.test.ts shows.
  expect(ledger?.map(withoutCarried)).toEqual(ledgerBefore?.map(withoutCarried));
  const unknownTime = { told_ms: 0, uptime_ms: 0, boot: '' };
  expect(standing).toEqual([{ ...identity?.[0], epoch: 0, ...unknownTime }]);
  expect(versionAfter).toEqual([{ user_version: shardSchema.version }]);
});

test.each(['partitioned', 'single'] as const)('the %s fixture: meta.sqlite is the same after its upgrade', (name) => {
  const path = join(copyOfFixture(name).data, 'meta.sqlite');
  const { service, shard, version: _, ...before } = tablesOf(path);
  upgraded(path, topologySchema);
  const { service: serviceAfter, shard: shardAfter, version: __, ...after } = tablesOf(path);
  expect(after).toEqual(before);
  expect(serviceAfter).toEqual([{ ...service?.[0], last_shard: name === 'single' ? 1 : 3 }]);
  expect(shardAfter).toEqual(shard?.map((row) => ({ ...row, acknowledged_lsn: 0 })));
});

test.each([
  ['shard-1.sqlite', shardSchema],
  ['meta.sqlite', topologySchema],
])('%s has the tables of a new one after its upgrade', (name, schema) => {
  const old = join(copyOfFixture('partitioned').data, name);
  const fresh = join(temporaryDirectory(), name);
  upgraded(old, schema);
  upgraded(fresh, schema);
  expect(shapeOf(old)).toEqual(shapeOf(fresh));
});

test('the file as it was is kept beside the upgraded one, and opens as it was', () => {
  const path = join(copyOfFixture('single').data, 'shard-1.sqlite');
  const before = tablesOf(path);
  upgraded(path, shardSchema);
  expect(tablesOf(`${path}.version-2`)).toEqual(before);
});

test('no copy is kept where it is told so, and none of a file that needs no upgrade', () => {
  const { data } = copyOfFixture('partitioned');
  const path = join(data, 'shard-1.sqlite');
  openExclusively(path, shardSchema, { upgradeCopies: 'none' }).close();
  upgraded(path, shardSchema);
  upgraded(join(data, 'new.sqlite'), shardSchema);
  expect(readdirSync(data).filter((name) => name.includes('version'))).toEqual([]);
});

test('a copy that a crash left unfinished is made again, and an upgrade that a crash broke off goes on', () => {
  const path = join(copyOfFixture('single').data, 'shard-1.sqlite');
  const before = tablesOf(path);
  writeFileSync(`${path}.version-2.unfinished`, 'half a copy');
  const broken: Schema = {
    ...shardSchema,
    migrations: {
      2: (db) => {
        db.exec('DELETE FROM entry');
        throw new Error('struck');
      },
    },
  };
  expect(() => upgraded(path, broken)).toThrow('struck');
  expect(tablesOf(path)).toEqual(before);
  expect(existsSync(`${path}.version-2.unfinished`)).toBe(false);
  upgraded(path, shardSchema);
  expect(tablesOf(path)['entry']).toEqual(before['entry']);
  expect(tablesOf(`${path}.version-2`)).toEqual(before);
});

test('several versions are gone through one by one', () => {
  const path = join(temporaryDirectory(), 'file.sqlite');
  const first: Schema = { applicationId: 1, version: 1, ddl: 'CREATE TABLE thing (one INTEGER)', migrations: {} };
  upgraded(path, first);
  const add = (column: string) => (db: Database) => db.exec(`ALTER TABLE thing ADD COLUMN ${column} INTEGER`);
  const third = { ...first, version: 3, migrations: { 1: add('two'), 2: add('three') } };
  upgraded(path, third);
  expect(JSON.stringify(shapeOf(path))).toMatch(/one.*three.*two|one.*two.*three/);
  expect(() => upgraded(path, first)).toThrow(/has schema version 3, but this Shardlite only knows versions up to 1/);
});

test('a file without room for a copy is left as it is', ({ skip }) => {
  const disk = smallDisk('160k');
  if (disk === undefined) return skip('mounting a small file system needs root');
  const path = join(disk, 'shard-1.sqlite');
  cpSync(join(copyOfFixture('single').data, 'shard-1.sqlite'), path);
  writeFileSync(join(disk, 'filler'), Buffer.alloc(50_000));
  expect(() => upgraded(path, shardSchema)).toThrow(/There is no room for a copy of .* or start with --upgrade-copies/);
  expect(readdirSync(disk).sort()).toEqual(['filler', 'shard-1.sqlite']);
  expect(tablesOf(path)['version']).toEqual([{ user_version: 2 }]);
});

test('a client that names a write again after the upgrade gets the answer that it got before', () => {
  const { data, contents } = copyOfFixture('single');
  const path = join(data, 'shard-1.sqlite');
  const [identity] = tablesOf(path)['identity'] as [FileIdentity];
  const names = tablesOf(path)['idempotency'] as { record: Buffer }[];
  const clock = new VirtualClock();
  clock.dateAheadMs = contents.madeAtMs;
  const file = new ShardFile(path, identity, { clock });
  onTestFinished(() => file.close());
  const { lsn } = file.counters;
  expect(names).toHaveLength(4);
  for (const { record } of names) {
    const { slot, key, opId, outcome, idempotency } = unpackRecords(record)[0] as WriteRecord;
    const fingerprint = idempotency?.fingerprint as Buffer;
    const again = { ...put(key, 'again', 'text/plain', { idempotencyKey: { opId, fingerprint } }), slot };
    expect(file.execute([{ operation: again }])).toEqual([outcome]);
  }
  expect(file.counters.lsn).toBe(lsn);
});
