/** What lies in a SQLite file that nobody has open. */

import { Database } from '../../src/sqlite/database.ts';

type Tables = Record<string, readonly Record<string, unknown>[]>;

/** Every row of every table, and the version. */
export function tablesOf(path: string): Tables {
  const db = new Database(path);
  try {
    const names = db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").pluck().all();
    const rows = (name: string) => db.prepare(`SELECT * FROM ${name}`).all() as Record<string, unknown>[];
    const tables = (names as string[]).map((name) => [name, rows(name)] as const);
    return { ...Object.fromEntries(tables), version: [{ user_version: db.setting('user_version') }] };
  } finally {
    db.close();
  }
}
