/** The tables of `meta.sqlite`, and how files of older versions come to have them. */

import type { Database } from '../sqlite/database.ts';
import type { Schema } from '../sqlite/schema.ts';

export const topologySchema: Schema = {
  applicationId: 0x53484c30, // "SHL0"
  version: 4,
  ddl: `
    CREATE TABLE service (
      id         TEXT NOT NULL,
      strategy   TEXT NOT NULL,
      store      TEXT NOT NULL, -- where the data lies: 'sqlite', in this directory, or 'redis'
      last_shard INTEGER NOT NULL DEFAULT 0 -- the highest id that any shard ever had
    ) STRICT;
    CREATE TABLE shard (
      id               INTEGER PRIMARY KEY,
      weight           INTEGER NOT NULL,
      acknowledged_lsn INTEGER -- its file has at least this; NULL while the file was not made yet
    ) STRICT;
    -- One row. The ranges are JSON: [[first slot, last slot, shard], ...].
    CREATE TABLE ring (epoch INTEGER PRIMARY KEY, ranges TEXT NOT NULL) STRICT;
    -- What an operator asked for, as asked (JSON). The weights, [[shard, weight], ...], are set when it begins.
    CREATE TABLE change (
      id             INTEGER PRIMARY KEY,
      kind           TEXT NOT NULL,
      state          TEXT NOT NULL CHECK (state IN ('queued', 'running', 'undoing', 'done', 'aborted')),
      reason         TEXT NOT NULL DEFAULT '',
      request        TEXT NOT NULL,
      paused         INTEGER NOT NULL DEFAULT 0,
      weights_before TEXT NOT NULL DEFAULT '[]',
      ring_before    TEXT, -- JSON, as of the ring: who owned what when the change began
      weights        TEXT NOT NULL DEFAULT '[]',
      asked_at_ms    INTEGER NOT NULL,
      began_at_ms    INTEGER,
      ended_at_ms    INTEGER,
      slots          INTEGER NOT NULL DEFAULT 0,
      rows           INTEGER NOT NULL DEFAULT 0,
      bytes          INTEGER NOT NULL DEFAULT 0,
      freeze_max_ms  REAL NOT NULL DEFAULT 0,
      failures       INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    -- One row a batch of slots. Open ones are aborted at the next start, committed ones are finished by it.
    CREATE TABLE move (
      id          INTEGER PRIMARY KEY,
      change      INTEGER NOT NULL,
      from_shard  INTEGER NOT NULL,
      to_shard    INTEGER NOT NULL,
      slots       TEXT NOT NULL,
      state       TEXT NOT NULL CHECK (state IN ('open', 'committed', 'done', 'aborted')),
      reason      TEXT NOT NULL DEFAULT ''
    ) STRICT;
  `,
  migrations: { 3: fromVersion3 },
};

/** Where nothing was recorded about files, every shard that there is has made its own. */
function fromVersion3(db: Database): void {
  db.exec(`
    ALTER TABLE service ADD COLUMN last_shard INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE shard ADD COLUMN acknowledged_lsn INTEGER;
    UPDATE service SET last_shard = (SELECT max(id) FROM
      (SELECT id FROM shard UNION SELECT to_shard AS id FROM move UNION SELECT from_shard FROM move));
    UPDATE shard SET acknowledged_lsn = 0 WHERE (SELECT store FROM service) = 'sqlite';
  `);
}
