/** Lists keys of one file in the order of their bytes. It only reads, and reads so much at most. */

import {
  beginOf,
  bytesOf,
  commonPrefixOf,
  type ListEntry,
  type Listing,
  type ListPosition,
  type ListQuery,
  listBytesMax,
  positionOf,
  successorOf,
} from '../kv/listing.ts';
import { expiryOf } from '../kv/outcome.ts';
import type { Database, Statement } from './database.ts';
import { hasExpired } from './entry-table.ts';

/** Rows looked at for one page, visible or not: beyond them the page ends, and the next one goes on. */
const rowsLookedAtMax = 4_096;
const rowsAtATime = 128;

type MetadataRow = [
  slot: number,
  key: Buffer,
  version: number,
  contentType: string,
  expiresAtMs: number,
  valueBytes: number,
];
type Found = MetadataRow | [...MetadataRow, value: Buffer];

export class KeyListing {
  readonly #keys: Statement<[Buffer, Buffer, number]>;
  readonly #keysToTheEnd: Statement<[Buffer, number]>;
  readonly #values: Statement<[Buffer, Buffer, number]>;
  readonly #valuesToTheEnd: Statement<[Buffer, number]>;

  constructor(db: Database) {
    const columns = 'slot, key, version, content_type, expires_at, length(value)';
    const within = 'FROM entry WHERE key >= ? AND key < ? ORDER BY key LIMIT ?';
    const toTheEnd = 'FROM entry WHERE key >= ? ORDER BY key LIMIT ?';
    this.#keys = db.prepare<[Buffer, Buffer, number]>(`SELECT ${columns} ${within}`).raw();
    this.#keysToTheEnd = db.prepare<[Buffer, number]>(`SELECT ${columns} ${toTheEnd}`).raw();
    this.#values = db.prepare<[Buffer, Buffer, number]>(`SELECT ${columns}, value ${within}`).raw();
    this.#valuesToTheEnd = db.prepare<[Buffer, number]>(`SELECT ${columns}, value ${toTheEnd}`).raw();
  }

  /** @param isVisible whether rows of a slot are there for anybody to see */
  page(query: ListQuery, nowMs: number, isVisible: (slot: number) => boolean): Listing {
    const end = successorOf(query.prefix);
    const entries: ListEntry[] = [];
    let bytes = 0;
    let lookedAt = 0;
    let begin = beginOf(query);
    while (begin !== undefined && (end === undefined || Buffer.compare(begin, end) < 0)) {
      const rowsWanted = Math.min(rowsAtATime, query.limit - entries.length + 1);
      const rows = this.#rows(query, begin, end, rowsWanted);
      let reached: ListPosition | undefined;
      for (const row of rows) {
        lookedAt++;
        const [slot, key, , , expiresAtMs] = row;
        reached = { kind: 'key', bytes: key };
        if (!isVisible(slot) || hasExpired(expiresAtMs, nowMs)) continue;
        const entry = entryOf(row, query);
        const entryBytes = bytesOf(entry);
        if (entries.length === query.limit || (entries.length > 0 && bytes + entryBytes > listBytesMax)) {
          return { kind: 'listing', entries, next: positionOf(entries.at(-1) as ListEntry) };
        }
        entries.push(entry);
        bytes += entryBytes;
        if (entry.kind === 'prefix') {
          // All that begins so is listed with it.
          reached = { kind: 'prefix', bytes: entry.key };
          break;
        }
      }
      if (reached === undefined || (rows.length < rowsWanted && reached.kind === 'key')) break;
      if (lookedAt >= rowsLookedAtMax) return { kind: 'listing', entries, next: reached };
      begin = beginOf({ prefix: query.prefix, after: reached });
    }
    return { kind: 'listing', entries, next: undefined };
  }

  #rows({ values }: ListQuery, begin: Buffer, end: Buffer | undefined, rowsMax: number): Found[] {
    if (end === undefined) return (values ? this.#valuesToTheEnd : this.#keysToTheEnd).all(begin, rowsMax) as Found[];
    return (values ? this.#values : this.#keys).all(begin, end, rowsMax) as Found[];
  }
}

function entryOf([, key, version, contentType, expiresAtMs, valueBytes, value]: Found, query: ListQuery): ListEntry {
  const common = commonPrefixOf(key, query);
  if (common !== undefined) return { kind: 'prefix', key: common };
  const entry = { kind: 'key', key, version, contentType, valueBytes, ...expiryOf(expiresAtMs) } as const;
  return value === undefined ? entry : { ...entry, value };
}
