/**
 * The table of values: one row a key. A rowid table behind unique indexes, not WITHOUT ROWID: new rows append, and
 * values up to a page stay off overflow pages. What has expired stays until it is swept, so every read says at which
 * time it reads.
 */

import type { GetOperation, PutOperation, ReadOperation } from '../kv/operation.ts';
import { expiryOf, type KeyOutcome } from '../kv/outcome.ts';
import { partOf } from '../kv/value-part.ts';
import type { Database, Statement } from './database.ts';

export const entryDdl = `
  CREATE TABLE entry (
    id           INTEGER PRIMARY KEY,
    slot         INTEGER NOT NULL,
    key          BLOB NOT NULL,
    version      INTEGER NOT NULL,
    content_type TEXT NOT NULL,
    value        BLOB NOT NULL,
    expires_at   INTEGER NOT NULL DEFAULT 0, -- Unix milliseconds, 0 for never
    UNIQUE (slot, key)
  ) STRICT;
  CREATE INDEX entry_in_order ON entry (key);
  CREATE INDEX entry_that_expires ON entry (expires_at) WHERE expires_at > 0;
`;

/** For slots as a JSON array: one statement for thousands of slots takes a tenth of one for each. */
export const slotIsListed = 'slot IN (SELECT value FROM json_each(?))';

/** Larger values are read one by one, so that a statement of many rows takes little memory whatever they are. */
const inlineBytesMax = 4 * 1024;
/** The value where it is small, else null: for statements that read many rows. */
export const smallValue = `CASE WHEN length(value) <= ${inlineBytesMax} THEN value END`;

/** A row as a write finds it. */
export type OldEntry = {
  readonly id: number;
  readonly version: number;
  readonly valueBytes: number;
  readonly expiresAtMs: number;
};

export type ExpiredEntry = OldEntry & { readonly slot: number; readonly key: Buffer };

type ValueRow = [version: number, contentType: string, value: Buffer, expiresAtMs: number];
type MetadataRow = [version: number, contentType: string, valueBytes: number, expiresAtMs: number];
type OldRow = [id: number, version: number, valueBytes: number, expiresAtMs: number];
type ExpiredRow = [...OldRow, slot: number, key: Buffer];

/** The columns of a row that a write sets, besides its key. */
export type NewEntry = Pick<PutOperation, 'contentType' | 'value' | 'expiresAtMs'> & { readonly version: number };

const absent: KeyOutcome = { kind: 'absent' };

export class EntryTable {
  readonly #value: Statement<[number, Buffer]>;
  readonly #metadata: Statement<[number, Buffer]>;
  readonly #bytes: Statement<[number, number, number, Buffer, number]>;
  readonly #old: Statement<[number, Buffer]>;
  readonly #insert: Statement<[number, Buffer, number, string, Buffer, number]>;
  readonly #update: Statement<[number, string, Buffer, number, number]>;
  readonly #touch: Statement<[number, number, number]>;
  readonly #delete: Statement<[number]>;
  readonly #expired: Statement<[number, number, number, number]>;

  constructor(db: Database) {
    const where = 'FROM entry WHERE slot = ? AND key = ?';
    this.#value = db.prepare<[number, Buffer]>(`SELECT version, content_type, value, expires_at ${where}`).raw();
    this.#metadata = db
      .prepare<[number, Buffer]>(`SELECT version, content_type, length(value), expires_at ${where}`)
      .raw();
    this.#bytes = db
      .prepare<[number, number, number, Buffer, number]>(`SELECT substr(value, ?, ?) ${where} AND version = ?`)
      .pluck();
    this.#old = db.prepare<[number, Buffer]>(`SELECT id, version, length(value), expires_at ${where}`).raw();
    this.#insert = db.prepare(
      'INSERT INTO entry (slot, key, version, content_type, value, expires_at) VALUES (?, ?, ?, ?, ?, ?)',
    );
    this.#update = db.prepare('UPDATE entry SET version = ?, content_type = ?, value = ?, expires_at = ? WHERE id = ?');
    this.#touch = db.prepare('UPDATE entry SET version = ?, expires_at = ? WHERE id = ?');
    this.#delete = db.prepare('DELETE FROM entry WHERE id = ?');
    this.#expired = db
      .prepare<[number, number, number, number]>(
        `SELECT id, version, length(value), expires_at, slot, key FROM entry
         WHERE expires_at > 0 AND (expires_at, id) > (?, ?) AND expires_at <= ? ORDER BY expires_at, id LIMIT ?`,
      )
      .raw();
  }

  read(operation: ReadOperation, nowMs: number): KeyOutcome {
    if (operation.kind === 'head') return this.#readMetadata(operation, nowMs);
    const isWhole = operation.condition === undefined && operation.range === undefined;
    return isWhole ? this.#readValue(operation, nowMs) : this.#readPart(operation, nowMs);
  }

  #readValue({ slot, key }: ReadOperation, nowMs: number): KeyOutcome {
    const row = this.#value.get(slot, key) as ValueRow | undefined;
    if (row === undefined || hasExpired(row[3], nowMs)) return absent;
    const [version, contentType, value, expiresAtMs] = row;
    return { kind: 'value', version, contentType, value, ...expiryOf(expiresAtMs) };
  }

  #readMetadata({ slot, key }: ReadOperation, nowMs: number): KeyOutcome {
    const row = this.#metadata.get(slot, key) as MetadataRow | undefined;
    if (row === undefined || hasExpired(row[3], nowMs)) return absent;
    const [version, contentType, valueBytes, expiresAtMs] = row;
    return { kind: 'metadata', version, contentType, valueBytes, ...expiryOf(expiresAtMs) };
  }

  #readPart(operation: GetOperation, nowMs: number): KeyOutcome {
    const found = this.#readMetadata(operation, nowMs);
    if (found.kind !== 'metadata') return found;
    const part = partOf(operation, found.version, found.valueBytes);
    if (part === 'none') return found;
    if (part === 'whole') return this.#readValue(operation, nowMs);
    const { first, last } = part;
    const { slot, key } = operation;
    const value = this.#bytes.get(first + 1, last - first + 1, slot, key, found.version) as Buffer | undefined;
    // Where others write the file too, and have done so since.
    if (value === undefined) return this.#readValue(operation, nowMs);
    return { ...found, kind: 'part', first, value };
  }

  /** The row of this key, expired or not. */
  find(slot: number, key: Buffer): OldEntry | undefined {
    const row = this.#old.get(slot, key) as OldRow | undefined;
    return row && { id: row[0], version: row[1], valueBytes: row[2], expiresAtMs: row[3] };
  }

  insert(slot: number, key: Buffer, { version, contentType, value, expiresAtMs = 0 }: NewEntry): void {
    this.#insert.run(slot, key, version, contentType, value, expiresAtMs);
  }

  update(id: number, { version, contentType, value, expiresAtMs = 0 }: NewEntry): void {
    this.#update.run(version, contentType, value, expiresAtMs, id);
  }

  touch(id: number, version: number, expiresAtMs: number): void {
    this.#touch.run(version, expiresAtMs, id);
  }

  delete(id: number): void {
    this.#delete.run(id);
  }

  /** Rows that have expired, in the order of their expiry. */
  expired(after: Pick<OldEntry, 'expiresAtMs' | 'id'>, nowMs: number, rowsMax: number): ExpiredEntry[] {
    const rows = this.#expired.all(after.expiresAtMs, after.id, nowMs, rowsMax) as ExpiredRow[];
    return rows.map(([id, version, valueBytes, expiresAtMs, slot, key]) => ({
      id,
      version,
      valueBytes,
      expiresAtMs,
      slot,
      key,
    }));
  }
}

export function hasExpired(expiresAtMs: number, nowMs: number): boolean {
  return expiresAtMs !== 0 && expiresAtMs <= nowMs;
}
