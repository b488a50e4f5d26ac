/**
 * One SQLite file, opened by every clone; each request is its own statement, hence its own commit. As tutorials write
 * it, but with the service's durability: WAL and synchronous=FULL, read back. A clone that finds the file locked
 * waits in SQLite, and its event loop with it.
 */

import type { Outcome } from '../../../src/kv/outcome.ts';
import { Database } from '../../../src/sqlite/database.ts';
import type { NaiveOperation, NaiveStore } from './serve-app.ts';

const lockWaitMs = 10_000;

type Row = { readonly version: number; readonly contentType: string; readonly value: Buffer };

export class CommitPerRequestStore implements NaiveStore {
  readonly #db: Database;

  constructor(path: string) {
    this.#db = new Database(path, { timeout: lockWaitMs });
    this.#db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL');
    if (this.#db.setting('journal_mode') !== 'wal' || this.#db.setting('synchronous') !== 2) {
      throw new Error('The file is not as durable as the other contestants’.');
    }
    this.#db.exec(`CREATE TABLE IF NOT EXISTS entry
      (key BLOB PRIMARY KEY, version INTEGER NOT NULL, content_type TEXT NOT NULL, value BLOB NOT NULL) STRICT`);
  }

  async execute(operation: NaiveOperation): Promise<Outcome> {
    switch (operation.kind) {
      case 'get': {
        const row = this.#db
          .prepare('SELECT version, content_type AS contentType, value FROM entry WHERE key = ?')
          .get(operation.key) as Row | undefined;
        return row === undefined ? { kind: 'absent' } : { kind: 'value', ...row };
      }
      case 'put': {
        const version = this.#db
          .prepare(
            `INSERT INTO entry VALUES (?, 1, ?, ?) ON CONFLICT (key) DO UPDATE SET
              version = version + 1, content_type = excluded.content_type, value = excluded.value RETURNING version`,
          )
          .pluck()
          .get(operation.key, operation.contentType, operation.value) as number;
        return { kind: version === 1 ? 'created' : 'replaced', version };
      }
      case 'increment': {
        const { version, number } = this.#db
          .prepare(
            `INSERT INTO entry VALUES (?, 1, 'text/plain', CAST(? AS BLOB)) ON CONFLICT (key) DO UPDATE SET
              version = version + 1, value = CAST(CAST(value AS TEXT) + CAST(excluded.value AS TEXT) AS BLOB)
              RETURNING version, CAST(value AS TEXT) AS number`,
          )
          .get(operation.key, String(operation.by)) as { version: number; number: string };
        return { kind: 'counted', version, number: BigInt(number) };
      }
    }
  }

  async stop(): Promise<void> {
    this.#db.close();
  }
}
